import type { ByteBudget, ByteLease } from "../../base/byte-budget.ts";
import type { ByteStream } from "../../stream/byte-stream.ts";
import { recycle } from "../../stream/chunk-pool.ts";
import type { PartBuffers } from "./part-buffers.ts";

/** Bytes of one request, with the lease that they are held under. */
export interface Part extends Disposable {
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
  /** The request is answered: the buffer may be used again. */
  recycle(): void;
}

export interface PartReaderOptions {
  readonly budget: ByteBudget;
  readonly buffers: PartBuffers;
  /** Size of the part of that number, from 1; every part but the last has it exactly. */
  readonly partBytes: (partNumber: number) => number;
  /** Of the whole stream, when known: a small object then leases no more than it needs. */
  readonly sizeBytes: number | undefined;
  readonly signal: AbortSignal;
}

/**
 * Cuts a stream into parts. A part is leased from the budget before it is filled; a chunk that is
 * just one part passes without being copied.
 */
export class PartReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #options: PartReaderOptions;
  #partNumber = 0;
  #readBytes = 0;
  #isEnded = false;
  /** As it was pulled. */
  #chunk: Uint8Array | undefined;
  /** Of that chunk: not yet part of a part. */
  #rest: Uint8Array | undefined;

  constructor(stream: ByteStream, options: PartReaderOptions) {
    this.#chunks = stream[Symbol.asyncIterator]();
    this.#options = options;
  }

  /** The next part; the first may be empty, and none comes after the last. */
  async next(): Promise<Part> {
    const { budget, partBytes, sizeBytes, signal } = this.#options;
    this.#partNumber += 1;
    const fullBytes = partBytes(this.#partNumber);
    const leftBytes = sizeBytes === undefined ? fullBytes : sizeBytes - this.#readBytes;
    const wantedBytes = Math.min(fullBytes, Math.max(leftBytes, 0));
    const lease = await budget.lease(wantedBytes, signal);
    try {
      const { bytes, buffer } = await this.#fill(wantedBytes);
      this.#readBytes += bytes.byteLength;
      await this.#pull();
      return this.#toPart(bytes, { buffer, lease });
    } catch (error) {
      lease[Symbol.dispose]();
      throw error;
    }
  }

  /** Makes the producer clean up. */
  async close(): Promise<void> {
    if (!this.#isEnded) await this.#chunks.return?.();
  }

  async #fill(wantedBytes: number): Promise<{
    readonly bytes: Uint8Array;
    readonly buffer: Uint8Array<ArrayBuffer> | undefined;
  }> {
    await this.#pull();
    const first = this.#rest;
    if (first === undefined) return { bytes: new Uint8Array(), buffer: undefined };
    if (first.byteLength >= wantedBytes) {
      // The part is a view of the chunk, which therefore stays as it is.
      this.#chunk = undefined;
      return { bytes: this.#take(first, wantedBytes), buffer: undefined };
    }
    const buffer = this.#options.buffers.take(wantedBytes);
    let filledBytes = 0;
    while (filledBytes < wantedBytes) {
      await this.#pull();
      if (this.#rest === undefined) break;
      const chunk = this.#take(this.#rest, wantedBytes - filledBytes);
      buffer.set(chunk, filledBytes);
      filledBytes += chunk.byteLength;
      if (this.#rest === undefined && this.#chunk !== undefined) recycle(this.#chunk);
    }
    return { bytes: buffer.subarray(0, filledBytes), buffer };
  }

  #take(chunk: Uint8Array, limitBytes: number): Uint8Array {
    const isWhole = chunk.byteLength <= limitBytes;
    this.#rest = isWhole ? undefined : chunk.subarray(limitBytes);
    return isWhole ? chunk : chunk.subarray(0, limitBytes);
  }

  /** Makes sure that a byte is waiting, or that the stream has ended. */
  async #pull(): Promise<void> {
    while (this.#rest === undefined && !this.#isEnded) {
      const next = await this.#chunks.next();
      if (next.done === true) this.#isEnded = true;
      else if (next.value.byteLength > 0) {
        this.#chunk = next.value;
        this.#rest = next.value;
      }
    }
  }

  #toPart(
    bytes: Uint8Array,
    options: {
      readonly buffer: Uint8Array<ArrayBuffer> | undefined;
      readonly lease: ByteLease;
    },
  ): Part {
    const { buffer, lease } = options;
    const { buffers } = this.#options;
    return {
      bytes,
      isLast: this.#isEnded,
      recycle: () => {
        if (buffer !== undefined) buffers.giveBack(buffer);
      },
      [Symbol.dispose]: () => lease[Symbol.dispose](),
    };
  }
}
