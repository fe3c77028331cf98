import { closeSync, fstatSync, openSync, read, readSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";
import { errnoOf, FilesystemError, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import { isPageIntact, PageWindow } from "../../delta/page-check.ts";
import type { PageWords } from "../../delta/page-checksum.ts";
import { firstBlock, type RelationFile, relationFileOf } from "../../delta/relation-file.ts";
import { PAGE_LEAF_BYTES } from "../../stream/content-hash.ts";
import type { RateLimit } from "../../stream/token-bucket.ts";
import type { DirectoryEntry } from "./data-directory.ts";
import { type FileMark, identityOf, stateOf } from "./file-mark.ts";

/** How often a page with a wrong checksum is read again before it counts as corrupt. */
const PAGE_READS_MAX = 5;

/** The pauses before these would add up where a whole file is corrupt: later ones get one look. */
const PATIENT_BLOCKS_MAX = 20;

/** Tries of one read that fails for a reason which may pass, and the pause before the second. */
const READ_TRIES_MAX = 4;
const READ_PAUSE_MS = 50;
const PASSING = new Set(["EIO", "EAGAIN", "EINTR", "ESTALE", "ETIMEDOUT", "EBUSY"]);

/** Reads below this are not worth a trip to another thread. */
const ASYNC_READ_BYTES = 128 << 10;

/** How bytes at a position come into `target`; returns how many. */
export type ReadAt = (descriptor: number, target: Uint8Array, position: number) => number;

export interface FileReading {
  /** Page checksums are on in the cluster and were asked for; pages have 8 KiB. */
  readonly checksPages: boolean;
  /** Several files are read at once: large reads leave the main thread. */
  readonly isParallel: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** What all files together are read at. */
  readonly diskLimit?: RateLimit | undefined;
  /** Default: the file system. */
  readonly readAt?: ReadAt;
}

/**
 * Whether increments are made of the file. Not of those in `global`: WAL-G takes increments of
 * relations in `base` and in tablespaces only, and its reverse unpacking would leave holes in any
 * other. Forks other than the main one, and unlogged relations, have pages without LSN.
 */
export function isIncrementable(
  relation: RelationFile | undefined,
  { isUnlogged }: Pick<DirectoryEntry, "isUnlogged">,
): relation is RelationFile {
  if (relation === undefined || relation.fork !== "main" || isUnlogged) return false;
  return !relation.path.startsWith("global/");
}

/** A file of the data directory, open for reading: faults that pass are read over. */
export class OpenedFile {
  readonly entry: DirectoryEntry;
  readonly sizeBytes: number;
  /** undefined: it has no pages. */
  readonly relation: RelationFile | undefined;
  readonly checksPages: boolean;
  /** The file's state before its first byte is read (`file-mark.ts`). */
  readonly state: bigint;
  readonly #descriptor: number;
  readonly #reading: FileReading;
  readonly #readAt: ReadAt;
  readonly #firstBlock: number;
  readonly #window = new PageWindow(PAGE_LEAF_BYTES);
  #suspects = 0;

  private constructor(entry: DirectoryEntry, descriptor: number, reading: FileReading) {
    this.entry = entry;
    this.#descriptor = descriptor;
    this.#reading = reading;
    this.#readAt = reading.readAt ?? readFromDisk;
    this.state = stateOf(entry, reading.clock.now());
    this.sizeBytes = fstatSync(descriptor).size;
    this.relation = relationFileOf(entry.name.slice(1));
    this.checksPages = this.relation !== undefined && reading.checksPages;
    this.#firstBlock = this.relation === undefined ? 0 : firstBlock(this.relation, PAGE_LEAF_BYTES);
  }

  /** undefined when the file vanished since the walk came by. */
  static open(entry: DirectoryEntry, reading: FileReading): OpenedFile | undefined {
    try {
      return new OpenedFile(entry, openSync(entry.localPath, "r"), reading);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw unreadable(entry.localPath, error);
    }
  }

  /** Puts bytes at the start of `target`; returns how many, 0 past the end. */
  read(target: Uint8Array, position: number): number | Promise<number> {
    const { isParallel } = this.#reading;
    return isParallel
      ? this.readAhead(target, position)
      : this.#paid(this.#readNow(target, position));
  }

  /** The same in another thread, where that pays: this one may go on meanwhile. */
  readAhead(target: Uint8Array, position: number): number | Promise<number> {
    const isLarge = target.byteLength >= ASYNC_READ_BYTES;
    return this.#paid(
      this.#reading.readAt === undefined && isLarge
        ? this.#readElsewhere(target, position)
        : this.#readNow(target, position),
    );
  }

  /**
   * Whether a page may stand. A page that the server was writing while we read it looks corrupt
   * and is not: read again it is whole, and WAL replay repairs the torn copy in the backup.
   */
  isIntact(page: PageWords, index: number): boolean {
    if (isPageIntact(page, this.#firstBlock + index)) return true;
    const isPatient = this.#suspects < PATIENT_BLOCKS_MAX;
    const readsMax = isPatient ? PAGE_READS_MAX : 2;
    const again = new Uint8Array(PAGE_LEAF_BYTES);
    for (let attempt = 1; attempt < readsMax; attempt += 1) {
      if (this.#isIntactNow(again, index)) return true;
      if (isPatient) Bun.sleepSync(attempt);
    }
    this.#suspects += 1;
    return false;
  }

  /** By what the next backup knows the file; `contentHash`: of one that is stored whole. */
  mark(contentHash: bigint): FileMark {
    return isIncrementable(this.relation, this.entry)
      ? { state: this.state, kind: "identity", value: identityOf(this.entry) }
      : { state: this.state, kind: "content", value: contentHash };
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** Where the disk is limited, a read takes as long as its bytes may. */
  #paid(reading: number | Promise<number>): number | Promise<number> {
    const { diskLimit, signal } = this.#reading;
    if (diskLimit === undefined) return reading;
    return Promise.resolve(reading).then(async (bytes) => {
      await diskLimit.take(bytes, signal);
      return bytes;
    });
  }

  #readNow(target: Uint8Array, position: number): number | Promise<number> {
    try {
      return this.#readAt(this.#descriptor, target, position);
    } catch (error) {
      return this.#readAgain(target, position, error);
    }
  }

  async #readElsewhere(target: Uint8Array, position: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    read(this.#descriptor, target, 0, target.byteLength, position, (error, bytes) => {
      if (error === null) resolve(bytes);
      else reject(error);
    });
    try {
      return await promise;
    } catch (error) {
      return await this.#readAgain(target, position, error);
    }
  }

  /** Disks and network file systems have faults that pass; one that stays ends the backup. */
  async #readAgain(target: Uint8Array, position: number, first: unknown): Promise<number> {
    const { clock, log, signal } = this.#reading;
    const path = this.entry.localPath;
    const errors = [first];
    for (let pauseMs = READ_PAUSE_MS; errors.length < READ_TRIES_MAX; pauseMs *= 2) {
      if (!PASSING.has(errnoOf(errors.at(-1)) ?? "")) break;
      log.warning(`${path}: read at ${position} failed: ${messageOf(errors.at(-1))}`);
      await clock.sleep(pauseMs, signal);
      try {
        return this.#readAt(this.#descriptor, target, position);
      } catch (error) {
        errors.push(error);
      }
    }
    throw unreadable(path, ...errors);
  }

  /** Also of a page that the file lost in the meantime. */
  #isIntactNow(page: Uint8Array, index: number): boolean {
    try {
      const bytes = this.#readAt(this.#descriptor, page, index * PAGE_LEAF_BYTES);
      if (bytes < PAGE_LEAF_BYTES) return true;
    } catch (error) {
      throw unreadable(this.entry.localPath, error);
    }
    return isPageIntact(this.#window.wordsOf(page), this.#firstBlock + index);
  }
}

function readFromDisk(descriptor: number, target: Uint8Array, position: number): number {
  return readSync(descriptor, target, 0, target.byteLength, position);
}

function unreadable(path: string, ...errors: readonly unknown[]): FilesystemError {
  const [first, ...others] = errors;
  const later = new Set(others.map(messageOf));
  later.delete(messageOf(first));
  const tries = others.length === 0 ? "" : ` (${errors.length} tries)`;
  const message = [messageOf(first), ...later].join("; then: ") + tries;
  return new FilesystemError(path, message, {
    hint: "The backup must read the whole data directory: run it as the server's user.",
    cause: others.length === 0 ? first : new AggregateError(errors),
  });
}
