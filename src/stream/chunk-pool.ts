const POOL = Symbol("pool");

/** A chunk that may go back to where it came from. */
interface PooledChunk extends Uint8Array<ArrayBuffer> {
  [POOL]?: { give(chunk: Uint8Array<ArrayBuffer>): void } | undefined;
}

/**
 * Large buffers of one size that are used again: at a gigabyte a second the garbage collector
 * lets fresh ones pile up. A chunk from a pool is like any other; whoever knows that it is the
 * last to hold it may give it back with `recycle`, and need not.
 */
export class ChunkPool {
  readonly chunkBytes: number;
  readonly #unused: PooledChunk[] = [];

  constructor(chunkBytes: number) {
    this.chunkBytes = chunkBytes;
  }

  /** Its content is undefined. */
  take(): Uint8Array<ArrayBuffer> {
    const unused = this.#unused.pop();
    if (unused !== undefined) return unused;
    const fresh: PooledChunk = new Uint8Array(this.chunkBytes);
    fresh[POOL] = this;
    return fresh;
  }

  give(chunk: PooledChunk): void {
    this.#unused.push(chunk);
  }

  /** The first bytes of a chunk of this pool, to be handed on: recycled, the chunk comes back. */
  filled(chunk: Uint8Array<ArrayBuffer>, sizeBytes: number): Uint8Array {
    const content: PooledChunk = chunk.subarray(0, sizeBytes);
    content[POOL] = { give: () => this.give(chunk) };
    return content;
  }
}

/** Nobody will read the chunk again: neither the caller, nor one that it was handed on to. */
export function recycle(chunk: Uint8Array): void {
  const pooled = chunk as PooledChunk;
  pooled[POOL]?.give(pooled);
}

/** Gives the memory back at once, instead of when the collector comes by. */
const FREEING = {
  give(chunk: Uint8Array<ArrayBuffer>): void {
    chunk.buffer.transfer(0);
  },
};

/**
 * Marks a chunk that has its buffer for itself, as decoders make them: `recycle` then frees it.
 * The collector lets such buffers pile up to several times of what is in use.
 */
export function freedWhenRecycled<T extends Uint8Array>(chunk: T): T {
  const pooled = chunk as unknown as PooledChunk;
  if (pooled.byteLength === pooled.buffer.byteLength) pooled[POOL] = FREEING;
  return chunk;
}

/** A chunk that is handed on in pieces, each once: it is recycled when all its bytes were. */
export class ChunkPieces {
  readonly #chunk: PooledChunk;
  #heldBytes: number;

  constructor(chunk: Uint8Array) {
    this.#chunk = chunk as PooledChunk;
    this.#heldBytes = chunk.byteLength;
  }

  piece(start: number, end: number): Uint8Array {
    const piece: PooledChunk = this.#chunk.subarray(start, end);
    if (this.#chunk[POOL] !== undefined) piece[POOL] = this;
    return piece;
  }

  /** For `recycle`. */
  give(piece: PooledChunk): void {
    piece[POOL] = undefined;
    this.leftOut(piece.byteLength);
  }

  /** So many bytes are in no piece. */
  leftOut(sizeBytes: number): void {
    this.#heldBytes -= sizeBytes;
    if (sizeBytes > 0 && this.#heldBytes === 0) recycle(this.#chunk);
  }
}
