import { closeSync, fstatSync, openSync, read, readSync } from "node:fs";
import { errnoOf, FilesystemError, messageOf } from "../../base/errors.ts";
import { isPageIntact, PageWindow } from "../../delta/page-check.ts";
import { firstBlock, relationFileOf } from "../../delta/relation-file.ts";
import { ContentHasher, PAGE_LEAF_BYTES, PLAIN_LEAF_BYTES } from "../../stream/content-hash.ts";
import type { TarContent } from "../../tar/writer.ts";
import type { DirectoryEntry } from "./data-directory.ts";

/** How often a page with a wrong checksum is read again before it counts as corrupt. */
const PAGE_READS_MAX = 5;

/** Reads below this are not worth a trip to another thread. */
const ASYNC_READ_BYTES = 128 << 10;

export interface FileReading {
  /** Page checksums are on in the cluster and were asked for; pages have 8 KiB. */
  readonly checksPages: boolean;
  /** Several files are read at once: large reads leave the main thread. */
  readonly isParallel: boolean;
}

/** A file being read into a part: its bytes, their hashes, and pages with a wrong checksum. */
export class BackupFile implements TarContent {
  readonly entry: DirectoryEntry;
  readonly sizeBytes: number;
  readonly isPaged: boolean;
  readonly #descriptor: number;
  readonly #reading: FileReading;
  readonly #hasher: ContentHasher;
  readonly #firstBlock: number;
  readonly #corruptBlocks: number[] = [];
  readonly #window = new PageWindow(PAGE_LEAF_BYTES);
  #position = 0;

  private constructor(entry: DirectoryEntry, descriptor: number, reading: FileReading) {
    this.entry = entry;
    this.#descriptor = descriptor;
    this.#reading = reading;
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
    if (this.#reading.isParallel && target.byteLength >= ASYNC_READ_BYTES) {
      return this.#readElsewhere(target);
    }
    try {
      return this.#advance(
        readSync(this.#descriptor, target, 0, target.byteLength, this.#position),
      );
    } catch (error) {
      throw unreadable(this.entry.localPath, error);
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

  #readElsewhere(target: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      read(this.#descriptor, target, 0, target.byteLength, this.#position, (error, bytes) => {
        if (error === null) resolve(this.#advance(bytes));
        else reject(unreadable(this.entry.localPath, error));
      });
    });
  }

  /**
   * A page that the server was writing while we read it looks corrupt and is not: read again it
   * is whole, and WAL replay repairs the torn copy in the backup.
   */
  #check(page: Uint8Array, index: number): void {
    // The last page of a file that grew while it was read may be short.
    if (page.byteLength < PAGE_LEAF_BYTES) return;
    const blockNumber = this.#firstBlock + index;
    if (isPageIntact(this.#window.wordsOf(page), blockNumber)) return;
    const again = new Uint8Array(PAGE_LEAF_BYTES);
    for (let attempt = 1; attempt < PAGE_READS_MAX; attempt += 1) {
      const position = index * PAGE_LEAF_BYTES;
      const bytes = readSync(this.#descriptor, again, 0, PAGE_LEAF_BYTES, position);
      if (bytes < PAGE_LEAF_BYTES) return;
      if (isPageIntact(this.#window.wordsOf(again), blockNumber)) return;
      Bun.sleepSync(attempt);
    }
    this.#corruptBlocks.push(index);
  }
}

function unreadable(path: string, error: unknown): FilesystemError {
  return new FilesystemError(path, messageOf(error), {
    hint: "The backup must read the whole data directory: run it as the server's user.",
    cause: error,
  });
}
