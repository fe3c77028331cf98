import { write, writeSync } from "node:fs";
import { FilesystemError, messageOf } from "../../base/errors.ts";
import { recycle } from "../../stream/chunk-pool.ts";
import type { FileSyncer } from "./restore-sync.ts";

/** Writes below this are not worth a trip to another thread. */
const POOLED_WRITE_BYTES = 128 << 10;

/** Chunks of one part that are being written at once. */
const CHUNKS_MAX = 3;

/**
 * The writes of one part. Large pieces are written on the runtime's threads while the next chunk
 * is decoded and hashed; a chunk is recycled when all that was written from it has arrived.
 */
export class PartWrites {
  /** Oldest first. */
  readonly #chunks: Promise<void>[] = [];
  #ofChunk: Promise<void>[] = [];
  readonly #syncer: FileSyncer;
  #failure: FilesystemError | undefined;

  constructor(syncer: FileSyncer) {
    this.#syncer = syncer;
  }

  /**
   * Writes all of `bytes`; undefined when that is done already. `isForDisk`: what lies around them
   * will not be written soon, so the disk may begin.
   */
  write(
    descriptor: number,
    bytes: Uint8Array,
    position: number,
    path: string,
    isForDisk = true,
  ): Promise<void> | undefined {
    if (bytes.byteLength < POOLED_WRITE_BYTES) {
      writeHere(descriptor, bytes, position, path);
      return undefined;
    }
    const writing = writeInPool(descriptor, bytes, position)
      .then(() => {
        if (isForDisk) this.#syncer.written(descriptor, position, bytes.byteLength);
      })
      .catch((cause: unknown) => {
        this.#failure ??= unwritable(path, cause);
      });
    this.#ofChunk.push(writing);
    return writing;
  }

  /** Nothing more is written from the chunk. Resolves when there is room for the next one. */
  async passed(chunk: Uint8Array): Promise<void> {
    if (this.#ofChunk.length === 0) {
      recycle(chunk);
      return;
    }
    this.#chunks.push(Promise.all(this.#ofChunk).then(() => recycle(chunk)));
    this.#ofChunk = [];
    while (this.#chunks.length >= CHUNKS_MAX) await this.#chunks.shift();
    this.#check();
  }

  /** Resolves when nothing is being written any more, also after a failure. */
  async idle(): Promise<void> {
    await Promise.all([...this.#chunks, ...this.#ofChunk]);
  }

  /** Resolves when everything was written; throws what could not be. */
  async settle(): Promise<void> {
    await this.idle();
    this.#check();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

export function unwritable(path: string, cause: unknown): FilesystemError {
  return new FilesystemError(path, `cannot be written: ${messageOf(cause)}`, { cause });
}

function writeHere(descriptor: number, bytes: Uint8Array, position: number, path: string): void {
  try {
    for (let done = 0; done < bytes.byteLength; ) {
      done += writeSync(descriptor, bytes, done, bytes.byteLength - done, position + done);
    }
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

function writeInPool(descriptor: number, bytes: Uint8Array, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const from = (done: number): void => {
      if (done === bytes.byteLength) {
        resolve();
        return;
      }
      const rest = bytes.byteLength - done;
      write(descriptor, bytes, done, rest, position + done, (error, written) => {
        if (error === null) from(done + written);
        else reject(error);
      });
    };
    from(0);
  });
}
