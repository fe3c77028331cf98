/** Text that is compressed while it grows: this much is kept plain. */
const BLOCK_CHARS = 256 * 1024;

/**
 * A text that is appended to in memory and read back once it is complete. Full blocks are kept
 * compressed: what is said of a million files takes some ten megabytes instead of a hundred.
 */
export class CompressedText {
  readonly #blocks: Uint8Array[] = [];
  #pieces: string[] = [];
  #pieceChars = 0;
  #sizeBytes = 0;
  #heldBytes = 0;

  /** `text` must be well-formed Unicode. */
  append(text: string): void {
    this.#pieces.push(text);
    this.#pieceChars += text.length;
    if (this.#pieceChars >= BLOCK_CHARS) this.#pack();
  }

  get isEmpty(): boolean {
    return this.#sizeBytes === 0 && this.#pieceChars === 0;
  }

  /** Size of the whole text in UTF-8. */
  sizeBytes(): number {
    this.#pack();
    return this.#sizeBytes;
  }

  /** What is kept in memory. */
  heldBytes(): number {
    return this.#heldBytes + this.#pieceChars;
  }

  /** From the beginning, a block at a time; may be read again. */
  *read(): Generator<Uint8Array> {
    this.#pack();
    for (const block of this.#blocks) yield Bun.zstdDecompressSync(block);
  }

  #pack(): void {
    if (this.#pieceChars === 0) return;
    const plain = new TextEncoder().encode(this.#pieces.join(""));
    const block = Bun.zstdCompressSync(plain, { level: 3 });
    this.#blocks.push(block);
    this.#sizeBytes += plain.byteLength;
    this.#heldBytes += block.byteLength;
    this.#pieces = [];
    this.#pieceChars = 0;
  }
}
