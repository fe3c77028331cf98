import { closeSync, fstatSync, openSync, read, readSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";
import { errnoOf, FilesystemError, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import { isPageIntact, PageWindow } from "../../delta/page-check.ts";
import { firstBlock, relationFileOf } from "../../delta/relation-file.ts";
import { ContentHasher, PAGE_LEAF_BYTES, PLAIN_LEAF_BYTES } from "../../stream/content-hash.ts";
import type { TarContent } from "../../tar/writer.ts";
import type { DirectoryEntry } from "./data-directory.ts";

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
  /** Default: the file system. */
  readonly readAt?: ReadAt;
}

/** A file being read into a part: its bytes, their hashes, and pages with a wrong checksum. */
export class BackupFile implements TarContent {
  readonly entry: DirectoryEntry;
  readonly sizeBytes: number;
  readonly isPaged: boolean;
  readonly #descriptor: number;
  readonly #reading: FileReading;
  readonly #readAt: ReadAt;
  readonly #hasher: ContentHasher;
  readonly #firstBlock: number;
  readonly #corruptBlocks: number[] = [];
  readonly #window = new PageWindow(PAGE_LEAF_BYTES);
  #position = 0;

  private constructor(entry: DirectoryEntry, descriptor: number, reading: FileReading) {
    this.entry = entry;
    this.#descriptor = descriptor;
    this.#reading = reading;
    this.#readAt = reading.readAt ?? readFromDisk;
    this.sizeBytes = fstatSync(descriptor).size;
    const relation = relationFileOf(entry.name.slice(1));
    this.isPaged = relation !== undefined;
    this.#firstBlock = relation === undefined ? 0 : firstBlock(relation, PAGE_LEAF_BYTES);
    const checks = this.isPaged && reading.checksPages;
    this.#hasher = new ContentHasher(
      this.isPaged ? PAGE_LEAF_BYTES : PLAIN_LEAF_BYTES,
      this.sizeBytes,
      checks ? (page, index) => this.#check(page, index) : undefined,
    );
  }

  /** undefined when the file vanished since the walk came by. */
  static open(entry: DirectoryEntry, reading: FileReading): BackupFile | undefined {
    try {
      return new BackupFile(entry, openSync(entry.localPath, "r"), reading);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw unreadable(entry.localPath, error);
    }
  }

  read(target: Uint8Array): number | Promise<number> {
    const { isParallel, readAt } = this.#reading;
    if (isParallel && readAt === undefined && target.byteLength >= ASYNC_READ_BYTES) {
      return this.#readElsewhere(target);
    }
    try {
      return this.#advance(this.#readAt(this.#descriptor, target, this.#position));
    } catch (error) {
      return this.#readAgain(target, error);
    }
  }

  observe(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
  }

  /** After the last byte: what the receipts keep of the content. */
  digest(): { readonly hash: bigint; readonly pageHashes: BigUint64Array | undefined } {
    const { hash, leaves } = this.#hasher.digest();
    return { hash, pageHashes: this.isPaged ? leaves : undefined };
  }

  /** Blocks, relative to the file, whose checksum stays wrong; ascending. */
  get corruptBlocks(): readonly number[] {
    return this.#corruptBlocks;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #advance(bytes: number): number {
    this.#position += bytes;
    return bytes;
  }

  async #readElsewhere(target: Uint8Array): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    read(this.#descriptor, target, 0, target.byteLength, this.#position, (error, bytes) => {
      if (error === null) resolve(bytes);
      else reject(error);
    });
    let bytes: number;
    try {
      bytes = await promise;
    } catch (error) {
      return await this.#readAgain(target, error);
    }
    return this.#advance(bytes);
  }

  /** Disks and network file systems have faults that pass; one that stays ends the backup. */
  async #readAgain(target: Uint8Array, first: unknown): Promise<number> {
    const { clock, log, signal } = this.#reading;
    const path = this.entry.localPath;
    const errors = [first];
    for (let pauseMs = READ_PAUSE_MS; errors.length < READ_TRIES_MAX; pauseMs *= 2) {
      if (!PASSING.has(errnoOf(errors.at(-1)) ?? "")) break;
      log.warning(`${path}: read at ${this.#position} failed: ${messageOf(errors.at(-1))}`);
      await clock.sleep(pauseMs, signal);
      try {
        return this.#advance(this.#readAt(this.#descriptor, target, this.#position));
      } catch (error) {
        errors.push(error);
      }
    }
    throw unreadable(path, ...errors);
  }

  /**
   * A page that the server was writing while we read it looks corrupt and is not: read again it
   * is whole, and WAL replay repairs the torn copy in the backup.
   */
  #check(page: Uint8Array, index: number): void {
    // The last page of a file that grew while it was read may be short.
    if (page.byteLength < PAGE_LEAF_BYTES) return;
    if (isPageIntact(this.#window.wordsOf(page), this.#firstBlock + index)) return;
    const isPatient = this.#corruptBlocks.length < PATIENT_BLOCKS_MAX;
    const readsMax = isPatient ? PAGE_READS_MAX : 2;
    const again = new Uint8Array(PAGE_LEAF_BYTES);
    for (let attempt = 1; attempt < readsMax; attempt += 1) {
      if (this.#isIntactNow(again, index)) return;
      if (isPatient) Bun.sleepSync(attempt);
    }
    this.#corruptBlocks.push(index);
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
