import { hostname } from "node:os";
import { UsageError } from "../base/errors.ts";
import { systemZone } from "../base/local-zone.ts";
import { isProcessAlive } from "../base/process-alive.ts";
import { parseUserData } from "../catalog/selector.ts";
import { passwdEntry } from "../config/passwd.ts";
import { pushBackup } from "../database/push-backup.ts";
import { loadPostgresBackup } from "../database/registry.ts";
import { type Lsn, parseLsn, toLsn } from "../delta/lsn.ts";
import { diskLimit, readersMax } from "./backup-limits.ts";
import { openCatchupRepository } from "./catchup-repository.ts";
import type { Invocation, Progress } from "./command.ts";

const LSN_MAX = 0xffff_ffff_ffff_ffffn;

/** Stores what changed since an LSN. Exit code 0 only when its sentinel is stored. */
export async function run(invocation: Invocation): Promise<void> {
  const { settings, options, log, clock, signal } = invocation;
  const sinceLsn = parseFromLsn(options.text("from-lsn") ?? "");
  if (settings.flag("WITHOUT_FILES_METADATA")) {
    throw new UsageError("a catchup needs files metadata: drop WITHOUT_FILES_METADATA");
  }
  const { postgresBackupAdapter } = await loadPostgresBackup();
  const account = passwdEntry(process.geteuid?.() ?? 0);
  const adapter = postgresBackupAdapter(settings, {
    dataDir: invocation.arguments[0],
    catchup: { sinceLsn },
    hostname: hostname(),
    zone: systemZone(),
    userName: account?.userName,
    homeDir: account?.home,
    diskLimit: diskLimit(invocation),
    readersMax: readersMax(invocation),
    clock,
    log,
  });
  await using repository = await openCatchupRepository(invocation, "write");
  const userData = settings.text("SENTINEL_USER_DATA");
  const checksArchive = settings.flag("ARCHIVE_CHECK");
  let progress: Progress | undefined;
  const pushed = await pushBackup({
    adapter,
    repository,
    backup: {
      parent: undefined,
      isPermanent: false,
      userData: userData === undefined ? undefined : parseUserData(userData),
    },
    partsMax: readersMax(invocation),
    owner: { hostname: hostname(), processId: process.pid, isAlive: isProcessAlive },
    archiveTimeoutMs: checksArchive ? settings.durationMs("ARCHIVE_TIMEOUT") : undefined,
    clock,
    log,
    signal,
    onBegin: ({ totalBytes }) => {
      progress = invocation.progress("catchup", totalBytes);
    },
    onPlainBytes: (bytes) => progress?.advance(bytes),
  }).finally(() => progress?.finish());
  log.info(`Wrote backup with name ${pushed.name} to storage ${repository.name}`);
}

/** WAL-G takes the decimal number only. */
function parseFromLsn(text: string): Lsn {
  if (text.includes("/")) return parseLsn(text);
  const value = /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
  if (value !== undefined && value <= LSN_MAX) return toLsn(value);
  throw new UsageError(
    `--from-lsn ${JSON.stringify(text)}: not an LSN`,
    "Give it as a decimal number, or as pg_controldata prints the REDO location: 0/16B3748.",
  );
}
