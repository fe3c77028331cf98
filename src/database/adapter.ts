import type { DatabaseKind } from "../base/database-kind.ts";
import type { BackupName } from "../catalog/backup-name.ts";
import type { Sentinel } from "../catalog/sentinel.ts";
import type { ByteSource, ByteStream } from "../stream/byte-stream.ts";
import type { PartEntry, PartReceipt } from "../transfer/stored-part.ts";

/** One object of a backup that goes through codec and cipher. */
export interface BackupPart {
  /** Below the backup's folder, without the codec's extension: `tar_partitions/part_001.tar`. */
  readonly name: string;
  /** Opened at most once. */
  readonly source: ByteSource;
  /** What the part holds: complete once the source has ended. */
  entries(): readonly PartEntry[];
}

/** One small object of a backup that is stored plain: `metadata.json`. */
export interface BackupDocument {
  readonly name: string;
  readonly content: ByteSource;
}

/** What the order of a backup tells the adapter about the parts that it stored. */
export interface StoredFacts {
  readonly plainBytes: number;
  readonly storedBytes: number;
  /** With the dot, or empty: part names inside documents carry it. */
  readonly partSuffix: string;
}

/**
 * A running backup. Disposing it without `finish` aborts it: the server leaves backup mode
 * under every failure.
 */
export interface BackupSession extends AsyncDisposable {
  readonly name: BackupName;
  /** Rejects when the server's session is lost; the order of backup races it with the copy. */
  readonly lost: Promise<never>;
  /** Estimate for progress; undefined when unknown. */
  readonly totalBytes: number | undefined;
  /** Pulled by several workers at once, so storage speed sets the pace. */
  parts(): AsyncIterable<BackupPart>;
  /** Leaves backup mode. The parts that come last, in order. */
  finish(): Promise<readonly BackupPart[]>;
  /** Journal files without which the backup is not consistent; known after `finish`. */
  journalNeeded(): readonly string[];
  /** Documents in the order of storing, and the sentinel's document. After `finish`. */
  describe(facts: StoredFacts): Promise<{
    readonly documents: readonly BackupDocument[];
    readonly sentinel: Readonly<Record<string, unknown>>;
  }>;
}

/** What an adapter may ask of the repository while it begins a backup. */
export interface JournalArchive {
  /** Whether a journal file of that name is stored, under any codec. */
  contains(name: string, signal: AbortSignal): Promise<boolean>;
}

export interface BackupRequest {
  /** undefined: a full backup. */
  readonly parent: Sentinel | undefined;
  readonly isPermanent: boolean;
  readonly userData: unknown;
  readonly archive: JournalArchive;
  readonly signal: AbortSignal;
}

export interface RestoreRequest {
  /** Full first, newest last. */
  readonly chain: readonly Sentinel[];
  readonly targetDir: string;
  readonly signal: AbortSignal;
}

/** A part as the restore hands it over. `receipt` is undefined for backups that WAL-G wrote. */
export interface RestorePart {
  readonly backup: BackupName;
  readonly name: string;
  readonly receipt: PartReceipt | undefined;
}

export interface RestoreSession extends AsyncDisposable {
  /**
   * Parts in groups: those of one group may be restored at once and in any order, and a group
   * starts when the one before it is complete (the last holds what makes the result startable).
   */
  plan(parts: readonly RestorePart[]): readonly (readonly RestorePart[])[];
  /** Writes what the part holds. May be called again for the same part after a failure. */
  restorePart(part: RestorePart, content: ByteStream): Promise<void>;
  /** Makes the restored files count; nothing before it may leave a startable result. */
  finish(): Promise<void>;
}

/** A database behind one push/fetch interface. */
export interface DatabaseAdapter {
  readonly kind: DatabaseKind;
  beginBackup(request: BackupRequest): Promise<BackupSession>;
  beginRestore(request: RestoreRequest): Promise<RestoreSession>;
}
