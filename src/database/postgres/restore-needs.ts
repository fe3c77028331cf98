import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { CorruptObjectError, FilesystemError, messageOf } from "../../base/errors.ts";
import { ContentHasher, PAGE_LEAF_BYTES, PLAIN_LEAF_BYTES } from "../../stream/content-hash.ts";
import type { PartEntry } from "../../transfer/stored-part.ts";
import type { PartSpan } from "../adapter.ts";
import { READ_AHEAD_BYTES, ReadingAhead } from "./reading-ahead.ts";
import type { WrittenPages } from "./written-pages.ts";

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** What is known of a whole file of a part, and of the file in the target. */
export interface WantedEntry {
  readonly entry: PartEntry;
  /** The file in the target, with its whole path. */
  readonly fullPath: string;
  /** What newer backups gave of it. */
  readonly written: WrittenPages | undefined;
}

/** Which pieces of whole files have to be fetched; with a target that holds something already. */
export class NeedsFinder implements Disposable {
  readonly #isCompared: boolean;
  readonly #reader = new ReadingAhead();
  readonly #signal: AbortSignal;
  /** Of each buffer of the reader: a view for each page of a file of 1 GiB is much garbage. */
  readonly #pages = new WeakMap<ArrayBufferLike, readonly Uint8Array[]>();

  constructor(options: { readonly isCompared: boolean; readonly signal: AbortSignal }) {
    this.#isCompared = options.isCompared;
    this.#signal = options.signal;
  }

  /** Pieces of the file's content, ascending. Nothing is changed. */
  async needs(wanted: WantedEntry): Promise<readonly PartSpan[]> {
    const { entry, written } = wanted;
    const differing = this.#isCompared
      ? await this.#differing(wanted)
      : spansOf(entry.sizeBytes > 0, entry.sizeBytes);
    if (written === undefined) return differing;
    const needed: PartSpan[] = [];
    for (const { start, end } of differing) {
      written.missing(start, end, (from, to) => needed.push({ start: from, end: to }));
    }
    return needed;
  }

  [Symbol.dispose](): void {
    this.#reader[Symbol.dispose]();
  }

  async #differing(wanted: WantedEntry): Promise<readonly PartSpan[]> {
    const { entry, fullPath } = wanted;
    const all = spansOf(entry.sizeBytes > 0, entry.sizeBytes);
    let descriptor: number;
    try {
      descriptor = openSync(fullPath, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    } catch {
      // Absent, a link, or without the right to read: what is there gives way.
      return all;
    }
    try {
      const stats = fstatSync(descriptor);
      // A file with a second name is not written to: it is made anew.
      if (!stats.isFile() || stats.nlink !== 1) return all;
      if (entry.pageHashes !== undefined) return await this.#differingPages(descriptor, wanted);
      if (stats.size !== entry.sizeBytes) return all;
      return (await this.#hasContent(descriptor, entry)) ? [] : all;
    } catch (cause) {
      this.#signal.throwIfAborted();
      if (cause instanceof CorruptObjectError) throw cause;
      throw new FilesystemError(fullPath, `cannot be read: ${messageOf(cause)}`, { cause });
    } finally {
      closeSync(descriptor);
    }
  }

  async #hasContent(descriptor: number, entry: PartEntry): Promise<boolean> {
    const hasher = new ContentHasher(PLAIN_LEAF_BYTES, entry.sizeBytes);
    await this.#reader.read(descriptor, entry.sizeBytes, (bytes) => {
      this.#signal.throwIfAborted();
      hasher.update(bytes);
    });
    return hasher.digest().hash === entry.xxHash3;
  }

  async #differingPages(
    descriptor: number,
    { entry, written }: WantedEntry,
  ): Promise<readonly PartSpan[]> {
    const { sizeBytes, pageHashes } = entry;
    const pageCount = Math.ceil(sizeBytes / PAGE_LEAF_BYTES);
    if (pageHashes === undefined || pageHashes.length < pageCount) {
      throw new CorruptObjectError(entry.path, `has hashes of fewer than ${pageCount} pages`);
    }
    const skipped = written?.pageBytes === PAGE_LEAF_BYTES ? written : undefined;
    const spans: PartSpan[] = [];
    let start = -1;
    await this.#reader.read(descriptor, sizeBytes, (bytes, position) => {
      this.#signal.throwIfAborted();
      const end = Math.min(sizeBytes, position + READ_AHEAD_BYTES);
      const pages = bytes.byteLength === READ_AHEAD_BYTES ? this.#pagesOf(bytes) : undefined;
      for (let at = position; at < end; at += PAGE_LEAF_BYTES) {
        const page = at / PAGE_LEAF_BYTES;
        const from = at - position;
        const to = Math.min(PAGE_LEAF_BYTES, sizeBytes - at) + from;
        const isEqual =
          skipped?.has(page) === true ||
          (to <= bytes.byteLength &&
            Bun.hash.xxHash3(pages?.[from / PAGE_LEAF_BYTES] ?? bytes.subarray(from, to)) ===
              pageHashes[page]);
        if (!isEqual && start < 0) start = at;
        if (isEqual && start >= 0) {
          spans.push({ start, end: at });
          start = -1;
        }
      }
    });
    if (start >= 0) spans.push({ start, end: sizeBytes });
    return spans;
  }

  /** The pages of a whole piece. */
  #pagesOf({ buffer }: Uint8Array): readonly Uint8Array[] {
    const known = this.#pages.get(buffer);
    if (known !== undefined) return known;
    const count = READ_AHEAD_BYTES / PAGE_LEAF_BYTES;
    const pages = Array.from({ length: count }, (_, page) => {
      return new Uint8Array(buffer, page * PAGE_LEAF_BYTES, PAGE_LEAF_BYTES);
    });
    this.#pages.set(buffer, pages);
    return pages;
  }
}

function spansOf(isNeeded: boolean, sizeBytes: number): readonly PartSpan[] {
  return isNeeded ? [{ start: 0, end: sizeBytes }] : [];
}
