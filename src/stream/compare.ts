import type { ByteStream } from "./byte-stream.ts";

/** Whether two streams hold the same bytes, however they are cut; stops at the first difference. */
export async function isSameContent(one: ByteStream, other: ByteStream): Promise<boolean> {
  const left = new Cursor(one);
  const right = new Cursor(other);
  try {
    for (;;) {
      const a = await left.rest();
      const b = await right.rest();
      if (a === undefined || b === undefined) return a === b;
      const length = Math.min(a.byteLength, b.byteLength);
      if (Buffer.compare(a.subarray(0, length), b.subarray(0, length)) !== 0) return false;
      left.advance(length);
      right.advance(length);
    }
  } finally {
    await left.close();
    await right.close();
  }
}

class Cursor {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #isDone = false;

  constructor(stream: ByteStream) {
    this.#iterator = stream[Symbol.asyncIterator]();
  }

  /** What is left of the present chunk, never empty; undefined at the end. */
  async rest(): Promise<Uint8Array | undefined> {
    while (this.#chunk.byteLength === 0) {
      const next = await this.#iterator.next();
      if (next.done === true) {
        this.#isDone = true;
        return undefined;
      }
      this.#chunk = next.value;
    }
    return this.#chunk;
  }

  advance(bytes: number): void {
    this.#chunk = this.#chunk.subarray(bytes);
  }

  async close(): Promise<void> {
    if (!this.#isDone) await this.#iterator.return?.();
  }
}
