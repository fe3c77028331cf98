import { ChunkPool } from "../stream/chunk-pool.ts";

/** One chunk of the tar: also what the codecs compress at a time. */
export const TAR_CHUNK_BYTES = 512 << 10;

/** Chunks that are filled in place and given away when full. */
export class ChunkedOutput {
  readonly #pool = new ChunkPool(TAR_CHUNK_BYTES);
  #chunk: Uint8Array = this.#pool.take();
  #used = 0;
  #given = 0;

  get totalBytes(): number {
    return this.#given + this.#used;
  }

  /** Where the next bytes go: at most `bytesMax`, at least one. */
  space(bytesMax: number): Uint8Array {
    const end = Math.min(TAR_CHUNK_BYTES, this.#used + bytesMax);
    return this.#chunk.subarray(this.#used, end);
  }

  *advance(bytes: number): Generator<Uint8Array> {
    this.#used += bytes;
    if (this.#used < TAR_CHUNK_BYTES) return;
    const full = this.#chunk;
    this.#given += TAR_CHUNK_BYTES;
    this.#chunk = this.#pool.take();
    this.#used = 0;
    yield full;
  }

  *append(bytes: Uint8Array): Generator<Uint8Array> {
    for (let offset = 0; offset < bytes.byteLength; ) {
      const space = this.space(bytes.byteLength - offset);
      space.set(bytes.subarray(offset, offset + space.byteLength));
      offset += space.byteLength;
      yield* this.advance(space.byteLength);
    }
  }

  *zeros(bytes: number): Generator<Uint8Array> {
    for (let left = bytes; left > 0; ) {
      const space = this.space(left).fill(0);
      left -= space.byteLength;
      yield* this.advance(space.byteLength);
    }
  }

  *rest(): Generator<Uint8Array> {
    if (this.#used === 0) return;
    this.#given += this.#used;
    yield this.#chunk.subarray(0, this.#used);
  }
}
