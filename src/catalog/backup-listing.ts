import { ToolError } from "../base/errors.ts";
import {
  dateOfGoTime,
  formatGoSeconds,
  formatGoTime,
  formatRfc850,
  GO_ZERO_TIME,
  type GoTime,
} from "../base/go-time.ts";
import { printJson, sortKeys } from "../base/json.ts";
import type { LocalZone } from "../base/local-zone.ts";
import { formatLsn } from "../delta/lsn.ts";
import type { BackupMetadata } from "./backup-metadata.ts";
import type { BackupEntry } from "./catalog.ts";
import { metadataKey } from "./storage-layout.ts";

/** A backup as `backup-list` shows it; `details` only with `--detail`. */
export interface ListedBackup {
  readonly entry: BackupEntry;
  readonly details: BackupMetadata | undefined;
}

/** One column of the tables: WAL-G's names and titles. */
export interface ListColumn {
  readonly name: string;
  /** In the bordered table, which prints it in upper case. */
  readonly title: string;
  plain(backup: ListedBackup): string;
  pretty(backup: ListedBackup): string;
}

/**
 * Joins backups with their `metadata.json`, in the order of `--detail`: by start time, or by the
 * storage's time as soon as one backup has no start time. One without metadata is an error.
 */
export function withDetails(
  entries: readonly BackupEntry[],
  metadata: ReadonlyMap<BackupEntry, BackupMetadata | undefined>,
): readonly ListedBackup[] {
  const listed = entries.map((entry) => {
    const details = metadata.get(entry);
    if (details !== undefined) return { entry, details };
    throw new ToolError({
      code: "object-not-found",
      message: `${metadataKey(entry.name)}: object not found`,
      hint: "Backups of WAL-E have no metadata.json; list without --detail.",
    });
  });
  const startOf = (backup: ListedBackup) => backup.details?.startTime?.ns;
  if (listed.some((backup) => startOf(backup) === undefined)) return listed;
  return listed.toSorted((a, b) => compareTimes(startOf(a) ?? 0n, startOf(b) ?? 0n));
}

/** The zone of the times of a backup's storage. */
type ZoneOf = (entry: BackupEntry) => LocalZone;

/** The columns of both tables. */
export function listColumns(options: {
  readonly zoneOf: ZoneOf;
  readonly isDetailed: boolean;
}): readonly ListColumn[] {
  const { zoneOf, isDetailed } = options;
  const modified = ({ entry }: ListedBackup) => timeIn(zoneOf(entry), entry.modifiedNs);
  const columns = [
    textColumn("backup_name", "Backup name", ({ entry }) => entry.name),
    timeColumn("modified", "Modified", zoneOf, modified),
    textColumn("wal_file_name", "WAL file name", ({ entry }) => entry.walFileName),
    textColumn("storage_name", "Storage name", ({ entry }) => entry.storage),
  ];
  return isDetailed ? [...columns, ...detailColumns(zoneOf)] : columns;
}

function detailColumns(zoneOf: ZoneOf): readonly ListColumn[] {
  const detail = (take: (details: BackupMetadata) => string) => (backup: ListedBackup) =>
    backup.details === undefined ? "" : take(backup.details);
  return [
    timeColumn("start_time", "Start time", zoneOf, ({ details }) => details?.startTime),
    timeColumn("finish_time", "Finish time", zoneOf, ({ details }) => details?.finishTime),
    textColumn(
      "hostname",
      "Hostname",
      detail(({ hostname }) => hostname),
    ),
    textColumn(
      "data_dir",
      "Datadir",
      detail(({ dataDir }) => dataDir),
    ),
    textColumn(
      "pg_version",
      "PG version",
      detail(({ pgVersion }) => String(pgVersion)),
    ),
    textColumn(
      "start_lsn",
      "Start LSN",
      detail(({ startLsn }) => formatLsn(startLsn)),
    ),
    textColumn(
      "finish_lsn",
      "Finish LSN",
      detail(({ finishLsn }) => formatLsn(finishLsn)),
    ),
    textColumn(
      "is_permanent",
      "Permanent",
      detail(({ isPermanent }) => String(isPermanent)),
    ),
  ];
}

/** One line, or indented by four spaces; keys in WAL-G's order, then a line feed. */
export function printListJson(
  backups: readonly ListedBackup[],
  options: { readonly zoneOf: ZoneOf; readonly isIndented: boolean },
): string {
  const items = backups.map(({ entry, details }) => ({
    backup_name: entry.name,
    time: formatGoTime(timeIn(options.zoneOf(entry), entry.modifiedNs)),
    wal_file_name: entry.walFileName,
    storage_name: entry.storage,
    ...(details === undefined ? {} : detailFields(details)),
  }));
  const indent = options.isIndented ? 4 : undefined;
  return `${printJson(items, { escaping: "go", indent })}\n`;
}

function detailFields(details: BackupMetadata): Record<string, unknown> {
  return {
    start_time: formatGoTime(details.startTime ?? GO_ZERO_TIME),
    finish_time: formatGoTime(details.finishTime ?? GO_ZERO_TIME),
    date_fmt: details.dateFormat,
    hostname: details.hostname,
    data_dir: details.dataDir,
    pg_version: details.pgVersion,
    start_lsn: details.startLsn,
    finish_lsn: details.finishLsn,
    is_permanent: details.isPermanent,
    system_identifier: details.systemIdentifier ?? null,
    uncompressed_size: details.uncompressedBytes,
    compressed_size: details.compressedBytes,
    user_data: details.userData === undefined ? undefined : sortKeys(details.userData),
  };
}

function textColumn(
  name: string,
  title: string,
  text: (backup: ListedBackup) => string,
): ListColumn {
  return { name, title, plain: text, pretty: text };
}

function timeColumn(
  name: string,
  title: string,
  zoneOf: ZoneOf,
  take: (backup: ListedBackup) => GoTime | undefined,
): ListColumn {
  const shown = (format: (time: GoTime, zone: LocalZone) => string) => (backup: ListedBackup) => {
    const time = take(backup);
    return time === undefined ? "-" : format(time, zoneOf(backup.entry));
  };
  return {
    name,
    title,
    plain: shown((time) => formatGoSeconds(time)),
    pretty: shown((time, zone) => formatRfc850(time, abbreviationOf(time, zone))),
  };
}

/** A time that has the local offset is a local time for Go; other offsets have no name. */
function abbreviationOf(time: GoTime, zone: LocalZone): string | undefined {
  const date = dateOfGoTime(time);
  return zone.offsetMinutes(date) === time.offsetMinutes ? zone.abbreviation(date) : undefined;
}

function timeIn(zone: LocalZone, ns: bigint): GoTime {
  return { ns, offsetMinutes: zone.offsetMinutes(new Date(Number(ns / 1_000_000n))) };
}

function compareTimes(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
