const POOL = Symbol("pool");

/** A chunk that may go back to where it came from. */
interface PooledChunk extends Uint8Array<ArrayBuffer> {
  [POOL]?: ChunkPool;
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
}

/** Nobody will read the chunk again: neither the caller, nor one that it was handed on to. */
export function recycle(chunk: Uint8Array): void {
  const pooled = chunk as PooledChunk;
  pooled[POOL]?.give(pooled);
}
