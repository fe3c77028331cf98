/**
 * Buffers of parts for use again: the collector takes its time with memory outside its heap, and
 * a process that fills a fresh buffer for every part grows to many times its budget.
 */
export class PartBuffers {
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  readonly #keptBytesMax: number;
  #keptBytes = 0;

  /** Keeps at most so many bytes that nobody uses. */
  constructor(keptBytesMax: number) {
    this.#keptBytesMax = keptBytesMax;
  }

  /** A buffer of just that size, with anything in it. */
  take(sizeBytes: number): Uint8Array<ArrayBuffer> {
    const index = this.#free.findIndex((buffer) => buffer.byteLength === sizeBytes);
    const [buffer] = index < 0 ? [] : this.#free.splice(index, 1);
    if (buffer === undefined) return new Uint8Array(sizeBytes);
    this.#keptBytes -= sizeBytes;
    return buffer;
  }

  /** Nobody reads the buffer any more. */
  giveBack(buffer: Uint8Array<ArrayBuffer>): void {
    if (this.#keptBytes + buffer.byteLength > this.#keptBytesMax) return;
    this.#keptBytes += buffer.byteLength;
    this.#free.push(buffer);
  }
}
