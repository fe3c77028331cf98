import { PageWindow } from "../../delta/page-check.ts";
import { ContentHasher, PAGE_LEAF_BYTES, PLAIN_LEAF_BYTES } from "../../stream/content-hash.ts";
import type { TarContent } from "../../tar/writer.ts";
import type { DirectoryEntry } from "./data-directory.ts";
import type { FileMark } from "./file-mark.ts";
import { type FileReading, OpenedFile } from "./opened-file.ts";

/** What a part gets of a file: all of it, or an increment. */
export interface PackedFile extends TarContent {
  readonly entry: DirectoryEntry;
  readonly kind: "whole" | "increment";
  /** Of the content in the part. */
  readonly sizeBytes: number;
  /** After the last byte: what the receipts keep of the content. */
  digest(): { readonly hash: bigint; readonly pageHashes: BigUint64Array | undefined };
  /** After `digest`: by what the next backup knows the file. */
  readonly mark: FileMark;
  /** Blocks, relative to the file, whose checksum stays wrong; ascending. */
  readonly corruptBlocks: readonly number[];
}

/** A file being read into a part: its bytes, their hashes, and pages with a wrong checksum. */
export class BackupFile implements PackedFile {
  readonly kind = "whole";
  readonly sizeBytes: number;
  readonly #file: OpenedFile;
  /** The whole content, where it was read before; undefined: it is on the disk. */
  readonly #content: Uint8Array | undefined;
  readonly #hasher: ContentHasher;
  readonly #corruptBlocks: number[] = [];
  readonly #window = new PageWindow(PAGE_LEAF_BYTES);
  #position = 0;
  #hash = 0n;

  constructor(file: OpenedFile, content?: Uint8Array) {
    this.#file = file;
    this.#content = content;
    this.sizeBytes = file.sizeBytes;
    this.#hasher = new ContentHasher(
      file.relation === undefined ? PLAIN_LEAF_BYTES : PAGE_LEAF_BYTES,
      this.sizeBytes,
      file.checksPages ? (page, index) => this.#check(page, index) : undefined,
    );
  }

  /** undefined when the file vanished since the walk came by. */
  static open(entry: DirectoryEntry, reading: FileReading): BackupFile | undefined {
    const file = OpenedFile.open(entry, reading);
    return file && new BackupFile(file);
  }

  get entry(): DirectoryEntry {
    return this.#file.entry;
  }

  read(target: Uint8Array): number | Promise<number> {
    if (this.#content !== undefined) {
      const piece = this.#content.subarray(this.#position, this.#position + target.byteLength);
      target.set(piece);
      return this.#advance(piece.byteLength);
    }
    const reading = this.#file.read(target, this.#position);
    if (typeof reading === "number") return this.#advance(reading);
    return reading.then((bytes) => this.#advance(bytes));
  }

  observe(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
  }

  digest(): { readonly hash: bigint; readonly pageHashes: BigUint64Array | undefined } {
    const { hash, leaves } = this.#hasher.digest();
    this.#hash = hash;
    return { hash, pageHashes: this.#file.relation === undefined ? undefined : leaves };
  }

  get mark(): FileMark {
    return this.#file.mark(this.#hash);
  }

  get corruptBlocks(): readonly number[] {
    return this.#corruptBlocks;
  }

  close(): void {
    this.#file.close();
  }

  #advance(bytes: number): number {
    this.#position += bytes;
    return bytes;
  }

  #check(page: Uint8Array, index: number): void {
    // The last page of a file that grew while it was read may be short.
    if (page.byteLength < PAGE_LEAF_BYTES) return;
    if (this.#file.isIntact(this.#window.wordsOf(page), index)) return;
    this.#corruptBlocks.push(index);
  }
}
