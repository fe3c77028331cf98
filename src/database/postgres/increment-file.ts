import { IncrementWriter } from "../../delta/increment-writer.ts";
import { PageWindow } from "../../delta/page-check.ts";
import { ContentHasher, PAGE_LEAF_BYTES } from "../../stream/content-hash.ts";
import type { PackedFile } from "./backup-file.ts";
import type { DirectoryEntry } from "./data-directory.ts";
import type { FileMark } from "./file-mark.ts";
import type { OpenedFile } from "./opened-file.ts";

/**
 * The increment of a file: the pages with the given numbers, read as their turn comes. A page may
 * have changed since it was chosen: the newer one is as good, WAL replay brings both to the same.
 */
export class IncrementFile implements PackedFile {
  readonly kind = "increment";
  readonly sizeBytes: number;
  readonly #file: OpenedFile;
  readonly #content: Uint8Array | undefined;
  readonly #writer: IncrementWriter;
  readonly #hasher: ContentHasher;
  readonly #corruptBlocks: number[] = [];
  readonly #window = new PageWindow(PAGE_LEAF_BYTES);

  /** `content`: the whole file, where it was read before; undefined: it is on the disk. */
  constructor(file: OpenedFile, blocks: Uint32Array, content: Uint8Array | undefined) {
    this.#file = file;
    this.#content = content;
    this.#writer = new IncrementWriter({
      fileBytes: file.sizeBytes,
      blocks,
      readPages: (target, block) => this.#readPages(target, block),
    });
    this.sizeBytes = this.#writer.sizeBytes;
    this.#hasher = new ContentHasher(PAGE_LEAF_BYTES, this.sizeBytes);
  }

  get entry(): DirectoryEntry {
    return this.#file.entry;
  }

  read(target: Uint8Array): number | Promise<number> {
    return this.#writer.read(target);
  }

  observe(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
  }

  digest(): { readonly hash: bigint; readonly pageHashes: BigUint64Array | undefined } {
    return { hash: this.#hasher.digest().hash, pageHashes: this.#writer.pageHashes };
  }

  get mark(): FileMark {
    return this.#file.mark(0n);
  }

  get corruptBlocks(): readonly number[] {
    return this.#corruptBlocks;
  }

  close(): void {
    this.#file.close();
  }

  #readPages(target: Uint8Array, block: number): number | Promise<number> {
    const position = block * PAGE_LEAF_BYTES;
    const content = this.#content;
    if (content !== undefined) {
      const piece = content.subarray(position, position + target.byteLength);
      target.set(piece);
      return this.#checked(target, piece.byteLength, block);
    }
    const reading = this.#file.read(target, position);
    if (typeof reading === "number") return this.#checked(target, reading, block);
    return reading.then((bytes) => this.#checked(target, bytes, block));
  }

  #checked(pages: Uint8Array, bytes: number, block: number): number {
    if (!this.#file.checksPages) return bytes;
    for (let at = 0; at + PAGE_LEAF_BYTES <= bytes; at += PAGE_LEAF_BYTES) {
      const page = this.#window.wordsOf(pages.subarray(at, at + PAGE_LEAF_BYTES));
      const index = block + at / PAGE_LEAF_BYTES;
      if (!this.#file.isIntact(page, index)) this.#corruptBlocks.push(index);
    }
    return bytes;
  }
}
