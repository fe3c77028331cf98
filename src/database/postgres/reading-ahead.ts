import { read, readSync } from "node:fs";

/** What is read at once. */
export const READ_AHEAD_BYTES = 512 << 10;
/** Reads that run on the runtime's threads while the bytes before them are looked at. */
const READS_AHEAD = 2;
/** Reads below this are not worth a trip to another thread. */
const POOLED_READ_BYTES = 128 << 10;

/** Reads files from their start, one after the other, the next pieces while one is looked at. */
export class ReadingAhead implements Disposable {
  readonly #buffers: Uint8Array<ArrayBuffer>[] = [];

  /**
   * `look` sees each piece of `[0, sizeBytes)` in order, at multiples of `READ_AHEAD_BYTES`, and
   * must not keep it; where the file ends earlier, pieces are short or empty.
   */
  async read(
    descriptor: number,
    sizeBytes: number,
    look: (bytes: Uint8Array, position: number) => void,
  ): Promise<void> {
    const running: Promise<Uint8Array>[] = [];
    let next = 0;
    try {
      for (let position = 0; position < sizeBytes; position += READ_AHEAD_BYTES) {
        for (; next < sizeBytes && running.length < READS_AHEAD; next += READ_AHEAD_BYTES) {
          running.push(this.#readAt(descriptor, next, sizeBytes));
        }
        const bytes = await running.shift();
        if (bytes !== undefined) look(bytes, position);
      }
    } finally {
      // A descriptor that is still read from must not be closed: its number may be used again.
      await Promise.allSettled(running);
    }
  }

  /** Gives the memory back at once; the collector would let it pile up. */
  [Symbol.dispose](): void {
    for (const buffer of this.#buffers.splice(0)) buffer.buffer.transfer(0);
  }

  async #readAt(descriptor: number, position: number, sizeBytes: number): Promise<Uint8Array> {
    const length = Math.min(READ_AHEAD_BYTES, sizeBytes - position);
    const buffer = this.#bufferFor(position);
    if (length < POOLED_READ_BYTES) {
      return buffer.subarray(0, readSync(descriptor, buffer, 0, length, position));
    }
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    read(descriptor, buffer, 0, length, position, (error, bytes) => {
      if (error === null) resolve(bytes);
      else reject(error);
    });
    return buffer.subarray(0, await promise);
  }

  /** In turn: as many as are read into at once, and the one that is looked at. */
  #bufferFor(position: number): Uint8Array<ArrayBuffer> {
    const index = (position / READ_AHEAD_BYTES) % (READS_AHEAD + 1);
    return (this.#buffers[index] ??= new Uint8Array(READ_AHEAD_BYTES));
  }
}
