import { UsageError } from "../base/errors.ts";
import type { SegmentName } from "../wal/segment-name.ts";

/** The name of a backup: the part of its objects' keys before `/` or `_backup_stop_sentinel`. */
export type BackupName = string & { readonly __brand: "BackupName" };

/**
 * Names of PostgreSQL backups, as WAL-G writes them (H24: 24 upper-case hex digits, the WAL file
 * that holds the start of the backup; H8: an offset, WAL-E only):
 *
 *   base_H24              full
 *   base_H24_D_H24        increment; the second group is the start segment of its parent
 *   base_H24_H8           full, WAL-E
 */
const POSTGRES_NAME =
  /^base_(?<segment>[0-9A-F]{24})(?:_D_(?<parent>[0-9A-F]{24}))?(?:_(?<offset>[0-9A-F]{8}))?$/;

export interface PostgresBackupName {
  readonly name: BackupName;
  /** The WAL file in which the backup starts. */
  readonly segment: SegmentName;
  readonly timeline: number;
  /** Start segment of the parent; undefined: a full backup. */
  readonly parentSegment: SegmentName | undefined;
}

/** Text → name. Refuses only what cannot be one path element of an object key. */
export function toBackupName(text: string): BackupName {
  if (text === "" || text === "." || text === ".." || /[/\p{Cc}]/u.test(text)) {
    throw new UsageError(
      `not a backup name: ${JSON.stringify(text)}`,
      "A backup name looks like base_000000010000000000000002; backup-list shows them.",
    );
  }
  return text as BackupName;
}

/** undefined: not the name of a PostgreSQL backup. */
export function parsePostgresBackupName(name: string): PostgresBackupName | undefined {
  const groups = POSTGRES_NAME.exec(name)?.groups;
  const segment = groups?.["segment"];
  if (segment === undefined) return undefined;
  return {
    name: name as BackupName,
    segment: segment as SegmentName,
    timeline: Number.parseInt(segment.slice(0, 8), 16),
    parentSegment: groups?.["parent"] as SegmentName | undefined,
  };
}

/**
 * The name of a backup that starts in `segment`. The suffix of an increment is the first run of 24
 * hex digits in its parent's name, the parent's own start: `base_A`, `base_B_D_A`, `base_C_D_B`.
 */
export function formatPostgresBackupName(
  segment: SegmentName,
  parent: BackupName | undefined,
): BackupName {
  if (parent === undefined) return `base_${segment}` as BackupName;
  const parentSegment = firstSegmentIn(parent);
  if (parentSegment === undefined) {
    throw new UsageError(`backup ${parent} cannot be a parent: its name holds no WAL file name`);
  }
  return `base_${segment}_D_${parentSegment}` as BackupName;
}

/** The first run of 24 upper-case hex digits in a name, as WAL-G looks for it. */
export function firstSegmentIn(name: string): SegmentName | undefined {
  return /[0-9A-F]{24}/.exec(name)?.[0] as SegmentName | undefined;
}
