import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, FilesystemError, messageOf } from "../../base/errors.ts";
import { parsePostgresBackupName } from "../../catalog/backup-name.ts";
import { FILES_METADATA_NAME } from "../../catalog/storage-layout.ts";
import { PAGE_BYTES } from "../../delta/increment-format.ts";
import { formatLsn, type Lsn } from "../../delta/lsn.ts";
import { RELATION_SEGMENT_BYTES } from "../../delta/relation-file.ts";
import {
  isAncestor,
  parseTimelineHistory,
  type TimelineHistory,
} from "../../wal/timeline-history.ts";
import type { JournalReader, ParentBackup } from "../adapter.ts";
import type { ControlFile } from "./control-file.ts";
import type { FileFacts } from "./files-metadata.ts";
import { decodeInlineFilesMetadata, readFilesMetadata } from "./files-metadata-reader.ts";
import { type KnownFiles, ParentFiles } from "./parent-files.ts";
import {
  decodePostgresSentinel,
  inlineFilesMetadata,
  type PageGuard,
  type PostgresIncrement,
} from "./sentinel-document.ts";
import type { BackupStart } from "./session.ts";
import { DatabaseError } from "./wire/server-error.ts";

/** What a delta builds on, as far as it can be told before the server enters backup mode. */
export interface DeltaBase extends Omit<PostgresIncrement, "finder"> {
  readonly timeline: number;
  readonly finishLsn: Lsn;
  /** When the parent began, by the clock of the machine that took it. */
  readonly startedAtNs: bigint | undefined;
  readonly files: KnownFiles;
  /** undefined: WAL-G wrote the parent. */
  readonly pageGuard: PageGuard | undefined;
}

/** Why a full backup is made instead: not a failure, and never silent. */
export class UnusableParent extends Error {}

/**
 * Reads what a delta needs of its parent. Throws `UnusableParent`, or a `DatabaseError` when the
 * parent is of another cluster: a chain over two clusters would be silently wrong.
 */
export async function openDeltaBase(
  parent: ParentBackup,
  control: ControlFile,
): Promise<DeltaBase> {
  const { sentinel } = parent;
  const facts = decodePostgresSentinel(sentinel);
  const { startLsn, finishLsn, increment, systemIdentifier } = facts;
  if (systemIdentifier !== undefined && systemIdentifier !== control.systemIdentifier) {
    throw new DatabaseError("Current database and database of base backup are not equal.", {
      hint: `${sentinel.name} is of another cluster: check the storage prefix, or give --full.`,
    });
  }
  const name = parsePostgresBackupName(sentinel.name);
  if (name === undefined) throw new UnusableParent(`${sentinel.name} is not a name of WAL-G's`);
  if (startLsn === undefined || finishLsn === undefined) {
    throw new UnusableParent(`${sentinel.name} says no LSN`);
  }
  checkLayout(control);
  return {
    parent: sentinel.name,
    full: increment?.full ?? sentinel.name,
    depth: parent.depth,
    sinceLsn: startLsn,
    timeline: name.timeline,
    finishLsn,
    startedAtNs: facts.startTime?.ns,
    files: await readFiles(parent),
    pageGuard: facts.pageGuard,
  };
}

/** Increments count blocks of 8 KiB in files of 1 GiB. */
export function checkLayout({ blockBytes, blocksPerRelationSegment }: ControlFile): void {
  if (blockBytes !== PAGE_BYTES) throw new UnusableParent(`pages have ${blockBytes} bytes`);
  if (blocksPerRelationSegment * PAGE_BYTES === RELATION_SEGMENT_BYTES) return;
  throw new UnusableParent(`files of relations have ${blocksPerRelationSegment} blocks`);
}

async function readFiles(parent: ParentBackup): Promise<ParentFiles> {
  const { sentinel } = parent;
  const what = `${FILES_METADATA_NAME} of ${sentinel.name}`;
  const files = new ParentFiles();
  const inline = inlineFilesMetadata(sentinel);
  const stored = inline === undefined ? await parent.document(FILES_METADATA_NAME) : undefined;
  if (inline !== undefined) {
    for (const name of decodeInlineFilesMetadata(inline, what).files.keys()) {
      files.add(name, undefined);
    }
  } else if (stored !== undefined) {
    const file = (name: string, { mark }: FileFacts) => files.add(name, mark);
    await readFilesMetadata(stored, what, { file });
  }
  // Streamed backups list files under the server's names, without the slash.
  if (files.has("/PG_VERSION")) return files;
  throw new UnusableParent(`${sentinel.name} has no list of files that a delta could build on`);
}

/**
 * Proves that the new backup's history holds all of the parent. Throws `UnusableParent` where it
 * left that way, and a `DatabaseError`, in WAL-G's words, where it has not come that far yet.
 */
export function checkHistory(
  base: DeltaBase,
  start: BackupStart,
  history: TimelineHistory | undefined,
): void {
  const { timeline, finishLsn } = base;
  if (timeline !== start.timeline) {
    if (history === undefined && start.timeline > 1) {
      throw new UnusableParent(
        `${base.parent} is of timeline ${timeline}, the server is on ${start.timeline}, ` +
          "and its history is neither in pg_wal nor in the repository",
      );
    }
    if (history?.ancestors.some((ancestor) => ancestor.timeline === timeline) !== true) {
      throw new UnusableParent(
        `${base.parent} is of timeline ${timeline}, which is no ancestor of ${start.timeline}`,
      );
    }
    if (!isAncestor(history, timeline, finishLsn)) {
      throw new UnusableParent(
        `${base.parent} ended at ${formatLsn(finishLsn)}, after the server's history left ` +
          `timeline ${timeline}`,
      );
    }
  }
  if (finishLsn <= start.startLsn) return;
  throw new DatabaseError(`Finish LSN of backup ${base.parent} greater than current LSN`, {
    hint:
      `It ended at ${formatLsn(finishLsn)}, the server is at ${formatLsn(start.startLsn)}: ` +
      "was it restored to an earlier time? Give --full to start a new chain.",
  });
}

/**
 * The history of the server's timeline, from pg_wal or else the repository; undefined on the first
 * timeline, and where nobody has it. Two that differ are of clusters that were promoted apart.
 */
export async function readHistory(request: {
  readonly dataDir: string;
  readonly timeline: number;
  readonly journal: JournalReader;
  readonly signal: AbortSignal;
}): Promise<TimelineHistory | undefined> {
  const { timeline, journal, signal } = request;
  if (timeline === 1) return undefined;
  const name = `${timeline.toString(16).toUpperCase().padStart(8, "0")}.history`;
  const own = readIfThere(join(request.dataDir, "pg_wal", name));
  const archived = await journal.read(name, signal);
  const known = own ?? archived;
  if (known === undefined) return undefined;
  if (archived !== undefined && Buffer.compare(known, archived) !== 0) {
    throw new UnusableParent(`the repository's ${name} is of another history than the server's`);
  }
  return parseTimelineHistory(new TextDecoder().decode(known), { timeline, name });
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw new FilesystemError(path, messageOf(error), { cause: error });
  }
}
