import { assert } from "../base/assert.ts";
import { CorruptObjectError } from "../base/errors.ts";
import {
  BLOCK_COUNT_MAX,
  decodeIncrementHeader,
  type IncrementHeader,
  incrementHeaderBytes,
} from "./increment-format.ts";

/** What an increment says before its first page. */
export interface IncrementShape extends Pick<IncrementHeader, "fileBytes" | "pageBytes"> {
  /** Ascending. */
  readonly blocks: Uint32Array;
}

/** The file that an increment changes. Synchronous: pages are written as they arrive. */
export interface IncrementTarget {
  /** Before the first page, also when there is none. */
  begin(shape: IncrementShape): void;
  /** Bytes of one page, or of several that follow one another. */
  writeAt(bytes: Uint8Array, position: number): void;
}

/**
 * Takes one increment apart as its bytes pass: the recorded size and the block numbers first, then
 * each page with its place.
 */
export class IncrementApplier {
  readonly #target: IncrementTarget;
  readonly #what: string;
  readonly #isOriole: boolean;
  /** Header, then block numbers: collected before the first page. */
  #prelude: Uint8Array;
  #preludeBytes = 0;
  #header: IncrementHeader | undefined;
  #blocks: Uint32Array | undefined;
  #index = 0;
  /** Bytes of the present page that were written. */
  #pageOffset = 0;

  constructor(
    target: IncrementTarget,
    options: { readonly isOriole: boolean; readonly what: string },
  ) {
    this.#target = target;
    this.#what = options.what;
    this.#isOriole = options.isOriole;
    this.#prelude = new Uint8Array(incrementHeaderBytes(options.isOriole));
  }

  push(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.byteLength) {
      offset +=
        this.#blocks === undefined ? this.#collect(chunk, offset) : this.#write(chunk, offset);
    }
  }

  /** The increment has ended: throws unless every page came. */
  finish(): void {
    const isWhole =
      this.#blocks !== undefined && this.#index === this.#blocks.length && this.#pageOffset === 0;
    if (!isWhole) throw new CorruptObjectError(this.#what, "its increment ends early");
  }

  #collect(chunk: Uint8Array, offset: number): number {
    const missing = this.#prelude.byteLength - this.#preludeBytes;
    const piece = chunk.subarray(offset, offset + missing);
    this.#prelude.set(piece, this.#preludeBytes);
    this.#preludeBytes += piece.byteLength;
    if (this.#preludeBytes === this.#prelude.byteLength) this.#begin();
    return piece.byteLength;
  }

  #begin(): void {
    if (this.#header === undefined) {
      const options = { isOriole: this.#isOriole, what: this.#what };
      this.#header = decodeIncrementHeader(this.#prelude, options);
      this.#prelude = new Uint8Array(this.#header.blockCount * 4);
      this.#preludeBytes = 0;
      if (this.#header.blockCount > 0) return;
    }
    const view = new DataView(this.#prelude.buffer);
    const blocks = new Uint32Array(this.#header.blockCount);
    for (let index = 0; index < blocks.length; index++) {
      const block = view.getUint32(index * 4, true);
      const isInOrder = index === 0 || block > (blocks[index - 1] ?? 0);
      if (!isInOrder || block >= BLOCK_COUNT_MAX) {
        throw new CorruptObjectError(this.#what, `its increment has block ${block} out of order`);
      }
      blocks[index] = block;
    }
    this.#blocks = blocks;
    this.#target.begin({ ...this.#header, blocks });
  }

  /** Writes as many bytes of the chunk as belong to consecutive blocks. */
  #write(chunk: Uint8Array, offset: number): number {
    const { blocks, header } = { blocks: this.#blocks, header: this.#header };
    assert(blocks !== undefined && header !== undefined, "the header was read");
    const block = blocks[this.#index];
    if (block === undefined) {
      throw new CorruptObjectError(this.#what, "its increment has data after the last page");
    }
    const { pageBytes } = header;
    const position = block * pageBytes + this.#pageOffset;
    const available = chunk.byteLength - offset;
    let runBytes = pageBytes - this.#pageOffset;
    for (let run = 1; runBytes < available; run++, runBytes += pageBytes) {
      if (blocks[this.#index + run] !== block + run) break;
    }
    const size = Math.min(available, runBytes);
    this.#target.writeAt(chunk.subarray(offset, offset + size), position);
    const done = this.#pageOffset + size;
    this.#index += Math.floor(done / pageBytes);
    this.#pageOffset = done % pageBytes;
    return size;
  }
}
