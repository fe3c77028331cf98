import { assert } from "../base/assert.ts";
import type { ByteStream } from "./byte-stream.ts";
import { freedWhenRecycled } from "./chunk-pool.ts";

const NOTHING = new Uint8Array(0);

/**
 * Pulls exact numbers of bytes out of a stream, whatever its chunks are: what decoders read
 * their formats with. A view of the producer's chunk is given where the bytes lie together.
 */
export class ByteReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = NOTHING;
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

  /** What can be had without waiting; nothing may be left of it. `skip` takes bytes off it. */
  buffered(): Uint8Array {
    return this.#chunk.subarray(this.#offset);
  }

  /** Passes over bytes that `buffered` showed. */
  skip(sizeBytes: number): void {
    assert(sizeBytes <= this.#chunk.byteLength - this.#offset, "more is skipped than buffered");
    this.#offset += sizeBytes;
    this.#consumedBytes += sizeBytes;
  }

  /** Exactly `sizeBytes` bytes; fewer only when the input ends before. */
  async read(sizeBytes: number): Promise<Uint8Array> {
    if (this.#chunk.byteLength - this.#offset >= sizeBytes) return this.#take(sizeBytes);
    if (!(await this.#fill())) return NOTHING;
    if (this.#chunk.byteLength - this.#offset >= sizeBytes) return this.#take(sizeBytes);
    // Nobody else holds it; a view of the producer's chunk is not the caller's to recycle.
    const whole = freedWhenRecycled(new Uint8Array(sizeBytes));
    let filled = 0;
    while (filled < sizeBytes && (await this.#fill())) {
      const available = this.#chunk.byteLength - this.#offset;
      const piece = this.#take(Math.min(available, sizeBytes - filled));
      whole.set(piece, filled);
      filled += piece.byteLength;
    }
    return filled === sizeBytes ? whole : whole.subarray(0, filled);
  }

  /** The next bytes that lie together, at most `sizeBytesMax`; empty only at the end. */
  async readSome(sizeBytesMax: number): Promise<Uint8Array> {
    if (!(await this.#fill())) return NOTHING;
    return this.#take(Math.min(sizeBytesMax, this.#chunk.byteLength - this.#offset));
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

  #take(sizeBytes: number): Uint8Array {
    const piece = this.#chunk.subarray(this.#offset, this.#offset + sizeBytes);
    this.#offset += sizeBytes;
    this.#consumedBytes += sizeBytes;
    return piece;
  }

  /** Makes at least one byte available; false at the end. */
  async #fill(): Promise<boolean> {
    while (this.#offset === this.#chunk.byteLength) {
      if (this.#isEnded) return false;
      const next = await this.#iterator.next();
      if (next.done === true) {
        this.#isEnded = true;
        this.#chunk = NOTHING;
        this.#offset = 0;
        return false;
      }
      this.#chunk = next.value;
      this.#offset = 0;
    }
    return true;
  }
}
