import { assert } from "../base/assert.ts";
import type { ByteStream } from "./byte-stream.ts";
import { ChunkPieces, freedWhenRecycled, recycle } from "./chunk-pool.ts";

const NOTHING = new Uint8Array(0);

/**
 * Pulls exact numbers of bytes out of a stream, whatever its chunks are: what decoders read
 * their formats with. A view of the producer's chunk is given where the bytes lie together; the
 * chunk is recycled once all its views were.
 */
export class ByteReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = NOTHING;
  #pieces = new ChunkPieces(NOTHING);
  /** Of the chunk: once its pieces are recycled, it may have no bytes any more. */
  #chunkBytes = 0;
  #offset = 0;
  #isEnded = false;
  #consumedBytes = 0;

  constructor(input: ByteStream) {
    this.#iterator = input[Symbol.asyncIterator]();
  }

  /** Bytes given out so far. */
  get consumedBytes(): number {
    return this.#consumedBytes;
  }

  /** What can be read without waiting, for a look; nothing may be left of it. */
  buffered(): Uint8Array {
    return this.#offset === this.#chunkBytes ? NOTHING : this.#chunk.subarray(this.#offset);
  }

  /** Bytes that `buffered` showed. */
  take(sizeBytes: number): Uint8Array {
    const piece = this.#pieces.piece(this.#offset, this.#offset + sizeBytes);
    assert(piece.byteLength === sizeBytes, "more is taken than buffered");
    this.#offset += sizeBytes;
    this.#consumedBytes += sizeBytes;
    return piece;
  }

  /** Exactly `sizeBytes` bytes; fewer only when the input ends before. */
  async read(sizeBytes: number): Promise<Uint8Array> {
    if (this.#chunkBytes - this.#offset >= sizeBytes) return this.take(sizeBytes);
    if (!(await this.#fill())) return NOTHING;
    if (this.#chunkBytes - this.#offset >= sizeBytes) return this.take(sizeBytes);
    const whole = freedWhenRecycled(new Uint8Array(sizeBytes));
    let filled = 0;
    while (filled < sizeBytes && (await this.#fill())) {
      const available = this.#chunkBytes - this.#offset;
      const piece = this.take(Math.min(available, sizeBytes - filled));
      whole.set(piece, filled);
      filled += piece.byteLength;
      recycle(piece);
    }
    return filled === sizeBytes ? whole : whole.subarray(0, filled);
  }

  /** The same, where fewer are an error. */
  async readExactly(sizeBytes: number, endedEarly: () => Error): Promise<Uint8Array> {
    const bytes = await this.read(sizeBytes);
    if (bytes.byteLength < sizeBytes) throw endedEarly();
    return bytes;
  }

  /** The next bytes that lie together, at most `sizeBytesMax`; empty only at the end. */
  async readSome(sizeBytesMax: number): Promise<Uint8Array> {
    if (!(await this.#fill())) return NOTHING;
    return this.take(Math.min(sizeBytesMax, this.#chunkBytes - this.#offset));
  }

  async isAtEnd(): Promise<boolean> {
    return !(await this.#fill());
  }

  /** Tells the producer that nothing more is wanted. Safe to call at any time. */
  async close(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    await this.#iterator.return?.();
  }

  /** Makes at least one byte available; false at the end. */
  async #fill(): Promise<boolean> {
    while (this.#offset === this.#chunkBytes) {
      if (this.#isEnded) return false;
      const next = await this.#iterator.next();
      if (next.done === true) {
        this.#isEnded = true;
        this.#open(NOTHING);
        return false;
      }
      this.#open(next.value);
    }
    return true;
  }

  #open(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#pieces = new ChunkPieces(chunk);
    this.#chunkBytes = chunk.byteLength;
    this.#offset = 0;
  }
}
