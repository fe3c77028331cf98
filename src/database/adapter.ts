import type { DatabaseKind } from "../base/database-kind.ts";
import type { JsonValue } from "../base/json.ts";
import type { LocalZone } from "../base/local-zone.ts";
import type { Logger } from "../base/log.ts";
import type { BackupMetadata } from "../catalog/backup-metadata.ts";
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
  /** A journal file that must reach the repository before anything is copied, if one can. */
  readonly firstJournal: string | undefined;
  /** Pulled by several workers at once, so storage speed sets the pace. */
  parts(): AsyncIterable<BackupPart>;
  /** Leaves backup mode. The parts that come last, in order. */
  finish(): Promise<readonly BackupPart[]>;
  /** Journal files without which the backup is not consistent; known after `finish`. */
  journalNeeded(): readonly string[];
  /** Throws when a stored journal file, by its first bytes, is of another database. */
  checkJournal?(name: string, head: Uint8Array): void;
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

/** A complete backup on which a new one may build. */
export interface ParentBackup {
  readonly sentinel: Sentinel;
  /** Steps since the last full backup that the new one will be. */
  readonly depth: number;
  /** A document below its folder, compared with its receipt; undefined when it has none. */
  document(name: string): Promise<ByteStream | undefined>;
}

export interface BackupRequest {
  /** undefined: a full backup. An adapter may find that nothing can build on it. */
  readonly parent: ParentBackup | undefined;
  /** What is archived: histories of timelines, records of changed blocks. */
  readonly journal: JournalReader;
  readonly isPermanent: boolean;
  readonly userData: JsonValue | undefined;
  readonly signal: AbortSignal;
}

/** What a user may ask of a restore beyond the backup; an adapter refuses what it lacks. */
export interface RestoreOptions {
  /** Only files whose path below the target matches this shell pattern. */
  readonly mask: string | undefined;
  /** Where tablespaces go: a file's content, in WAL-G's form; undefined: where they were. */
  readonly restoreSpec: { readonly path: string; readonly text: string } | undefined;
  /** false: no fsync of restored files; the user asked for it. */
  readonly syncsFiles: boolean;
  /** What the target holds is compared, and only what differs is fetched and written. */
  readonly isDelta: boolean;
  /** Only these databases and tables, as the user wrote them; empty: all. */
  readonly only: readonly string[];
}

/** Plain bytes `[start, end)` of a part. */
export interface PartSpan {
  readonly start: number;
  readonly end: number;
}

/** Pieces of a part without the rest; nothing but their hashes in the receipts proves them. */
export interface PartPieces {
  /** Stored bytes that reading these spans takes. */
  storedBytesOf(spans: readonly PartSpan[]): number;
  /** Everything in the spans (ascending, apart), in order, and some bytes around them. */
  read(
    spans: readonly PartSpan[],
    signal: AbortSignal,
  ): AsyncIterable<{ readonly position: number; readonly bytes: Uint8Array }>;
}

/** The bytes of a part, fetched as far as the session asks for them. */
export interface PartContent {
  /** From its start; the end proves the whole of it. */
  whole(): Promise<ByteStream>;
  /** undefined: the part can only be read from its start. */
  pieces(): Promise<PartPieces | undefined>;
}

export interface RestoreRequest {
  /** Full first, newest last. */
  readonly chain: readonly Sentinel[];
  readonly targetDir: string;
  readonly options: RestoreOptions;
  /** undefined: the restored database stops at nothing of ours; the user says how it recovers. */
  readonly recovery: RecoveryPlan | undefined;
  /** Backups of the chain whose parts come with receipts: nothing of them can be missing. */
  readonly receipted: ReadonlySet<BackupName>;
  /** A document below the folder of a backup of the chain; undefined when it has none. */
  document(backup: BackupName, name: string): Promise<ByteStream | undefined>;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Where replay of the journal is to stop; everything as typed. */
export interface RecoveryTarget {
  readonly kind: "time" | "lsn" | "xid" | "name" | "immediate";
  /** Empty for `immediate`. */
  readonly value: string;
  readonly timeline: string | undefined;
  readonly action: string | undefined;
  readonly inclusive: string | undefined;
  /** The shell line by which the server fetches its journal. */
  readonly restoreCommand: string;
}

/** What choosing a backup may ask of the repository. */
export interface JournalReader extends JournalArchive {
  /** A small journal file (`.history`); undefined when it is not stored. */
  read(name: string, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** The content of a journal file, or of what is stored beside it; undefined: not stored. */
  open(name: string, signal: AbortSignal): Promise<ByteStream | undefined>;
}

export interface RecoveryRequest {
  readonly target: RecoveryTarget;
  /** In which a time without zone is meant. */
  readonly zone: LocalZone;
  /** The backups to choose from, oldest first: one when the user named it. */
  readonly backups: readonly BackupName[];
  sentinel(backup: BackupName): Promise<Sentinel>;
  /** `metadata.json`; undefined when the backup has none. */
  metadata(backup: BackupName): Promise<BackupMetadata | undefined>;
  readonly journal: JournalReader;
  readonly signal: AbortSignal;
}

/** A backup from which the target can be reached, and what makes the server go there. */
export interface RecoveryPlan {
  readonly backup: BackupName;
  /** Server settings, in the order of writing. */
  readonly settings: ReadonlyMap<string, string>;
  /** Lines for the user: the resolved instant, what could not be proven. */
  readonly notes: readonly string[];
}

/** A part as the restore hands it over. `receipt` is undefined for backups that WAL-G wrote. */
export interface RestorePart {
  readonly backup: BackupName;
  readonly name: string;
  readonly receipt: PartReceipt | undefined;
  /** Base name in storage, the codec's extension included: `part_001.tar.zst`. */
  readonly storedName: string;
}

export interface RestoreSession extends AsyncDisposable {
  /**
   * Parts in groups: those of one group may be restored at once and in any order, and a group
   * starts when the one before it is complete (the last holds what makes the result startable).
   */
  plan(parts: readonly RestorePart[]): readonly (readonly RestorePart[])[];
  /**
   * Writes what the part holds; fetches of it what the target needs, possibly nothing. May be
   * called again for the same part after a failure.
   */
  restorePart(part: RestorePart, content: PartContent): Promise<void>;
  /** Makes the restored files count; nothing before it may leave a startable result. */
  finish(): Promise<void>;
}

/** The half of a database that is backed up. */
export interface BackupAdapter {
  readonly kind: DatabaseKind;
  beginBackup(request: BackupRequest): Promise<BackupSession>;
}

/** The half of a database that is restored to. */
export interface RestoreAdapter {
  readonly kind: DatabaseKind;
  beginRestore(request: RestoreRequest): Promise<RestoreSession>;
  /** undefined: this database has no recovery to a point of our making. */
  planRecovery?(request: RecoveryRequest): Promise<RecoveryPlan>;
}

/** A database behind one push/fetch interface. */
export type DatabaseAdapter = BackupAdapter & RestoreAdapter;
