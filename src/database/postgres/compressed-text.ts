import { freedWhenRecycled } from "../../stream/chunk-pool.ts";

/** Text is compressed while it grows: this much is kept plain. */
const BLOCK_BYTES = 256 * 1024;
/** A character of a JavaScript string takes at most so much in UTF-8. */
const BYTES_PER_CHAR_MAX = 3;

/**
 * A text that is appended to in memory and read back once it is complete. Full blocks are kept
 * compressed: what is said of a million files takes some ten megabytes instead of a hundred.
 */
export class CompressedText {
  readonly #blocks: Uint8Array[] = [];
  readonly #encoder = new TextEncoder();
  #open = new Uint8Array(BLOCK_BYTES);
  #openBytes = 0;
  #closedBytes = 0;
  #heldBytes = 0;

  /** `text` must be well-formed Unicode. */
  append(text: string): void {
    const room = text.length * BYTES_PER_CHAR_MAX;
    if (this.#openBytes + room > this.#open.byteLength) {
      this.#pack();
      if (room > this.#open.byteLength) this.#open = new Uint8Array(room);
    }
    const target = this.#open.subarray(this.#openBytes);
    this.#openBytes += this.#encoder.encodeInto(text, target).written;
  }

  get isEmpty(): boolean {
    return this.sizeBytes() === 0;
  }

  /** Size of the whole text in UTF-8. */
  sizeBytes(): number {
    return this.#closedBytes + this.#openBytes;
  }

  /** What is kept in memory. */
  heldBytes(): number {
    return this.#heldBytes + this.#open.byteLength;
  }

  /** From the beginning, a block at a time, which is freed when recycled; may be read again. */
  *read(): Generator<Uint8Array> {
    for (const block of this.#blocks) yield freedWhenRecycled(Bun.zstdDecompressSync(block));
    if (this.#openBytes > 0) yield this.#open.slice(0, this.#openBytes);
  }

  #pack(): void {
    if (this.#openBytes === 0) return;
    const block = Bun.zstdCompressSync(this.#open.subarray(0, this.#openBytes), { level: 3 });
    this.#blocks.push(block);
    this.#closedBytes += this.#openBytes;
    this.#heldBytes += block.byteLength;
    this.#openBytes = 0;
  }
}
