import type { SettingReader } from "../../base/setting-reader.ts";
import type { BackupAdapter } from "../adapter.ts";
import type { PostgresBackupOptions } from "./backup-options.ts";
import { readConnectionSettings } from "./connection-settings.ts";
import { beginLocalBackup } from "./local-backup.ts";
import { beginStreamedBackup } from "./streamed-backup.ts";

/** What the settings do not say. */
export type BackupHost = Pick<
  PostgresBackupOptions,
  "dataDir" | "hostname" | "zone" | "clock" | "log" | "catchup" | "diskLimit"
> & {
  /** Files that may be read at once; default: as the settings say. */
  readonly readersMax?: number;
  readonly userName: string | undefined;
  readonly homeDir: string | undefined;
};

/** Backups of PostgreSQL: of a directory on this machine, or through the replication protocol. */
export function postgresBackupAdapter(settings: SettingReader, host: BackupHost): BackupAdapter {
  const options = readOptions(settings, host);
  return {
    kind: "postgres",
    beginBackup: (request) => {
      const { dataDir } = options;
      return dataDir === undefined
        ? beginStreamedBackup(options, request)
        : beginLocalBackup({ ...options, dataDir }, request);
    },
  };
}

function readOptions(settings: SettingReader, host: BackupHost): PostgresBackupOptions {
  const connection = readConnectionSettings(settings, {
    user: host.userName,
    homeDir: host.homeDir,
    applicationName: settings.text("PGAPPNAME") ?? "tidemark",
  });
  return {
    ...host,
    connection,
    thresholdBytes: settings.whole("TAR_SIZE_THRESHOLD") ?? 1_073_741_823,
    isParallel: (host.readersMax ?? settings.whole("UPLOAD_DISK_CONCURRENCY") ?? 1) > 1,
    verifiesPages: settings.flag("VERIFY_PAGE_CHECKSUMS"),
    storesAllCorrupt: settings.flag("STORE_ALL_CORRUPT_BLOCKS"),
    writesFilesMetadata: !settings.flag("WITHOUT_FILES_METADATA"),
    namesTables: !settings.flag("DISABLE_PARTIAL_RESTORE"),
    usesDeltaMaps: settings.flag("USE_WAL_DELTA"),
    // As by WAL-G, it says something about the maps, and nothing without them.
    needsChangeRecord: settings.flag("USE_WAL_DELTA") && settings.flag("FORCE_WAL_DELTA"),
    summaryWaitMs: settings.durationMs("WAL_SUMMARY_TIMEOUT"),
    aliveCheckIntervalMs: settings.durationMs("ALIVE_CHECK_INTERVAL") ?? 60_000,
    stopTimeoutMs: settings.durationMs("STOP_BACKUP_TIMEOUT"),
    waitsForArchiver: !settings.flag("ARCHIVE_CHECK"),
  };
}
