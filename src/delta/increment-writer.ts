import { INCREMENT_HEADER_BYTES, INCREMENT_MAGIC, PAGE_BYTES } from "./increment-format.ts";

/** Pages that lie side by side are read together, up to so many. */
const RUN_PAGES_MAX = 32;

/**
 * Puts the pages from `block` on into `target` and returns how many bytes there were: fewer when
 * the file has become shorter.
 */
export type ReadPages = (target: Uint8Array, block: number) => number | Promise<number>;

/** The size of an increment is known before its pages are read. */
export function incrementBytes(blockCount: number): number {
  return INCREMENT_HEADER_BYTES + blockCount * (4 + PAGE_BYTES);
}

/** What stands before the pages: the header and the numbers of the blocks. */
export function encodeIncrementPrelude(fileBytes: number, blocks: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(INCREMENT_HEADER_BYTES + blocks.length * 4);
  const view = new DataView(bytes.buffer);
  bytes.set(INCREMENT_MAGIC);
  view.setBigUint64(4, BigInt(fileBytes), true);
  view.setUint32(12, blocks.length, true);
  for (const [index, block] of blocks.entries()) {
    view.setUint32(INCREMENT_HEADER_BYTES + index * 4, block, true);
  }
  return bytes;
}

/**
 * The bytes of one increment, in order. Pages are read when their turn comes; of pages that the
 * file has lost since their number was noted the increment holds zeros: the server's WAL has the
 * truncation, and replays it.
 */
export class IncrementWriter {
  readonly sizeBytes: number;
  /** xxHash3-64 of each page; complete once all bytes were read. */
  readonly pageHashes: BigUint64Array;
  readonly #blocks: Uint32Array;
  readonly #readPages: ReadPages;
  /** Bytes that wait to be given out: the prelude, then one run of pages after the other. */
  #ready: Uint8Array;
  #run: Uint8Array | undefined;
  #index = 0;

  constructor(facts: {
    readonly fileBytes: number;
    /** Ascending, each inside the file. */
    readonly blocks: Uint32Array;
    readonly readPages: ReadPages;
  }) {
    this.#blocks = facts.blocks;
    this.#readPages = facts.readPages;
    this.sizeBytes = incrementBytes(facts.blocks.length);
    this.pageHashes = new BigUint64Array(facts.blocks.length);
    this.#ready = encodeIncrementPrelude(facts.fileBytes, facts.blocks);
  }

  /** Puts the next bytes at the start of `target`; returns how many, 0 at the end. */
  read(target: Uint8Array): number | Promise<number> {
    if (this.#ready.byteLength > 0 || this.#index === this.#blocks.length) {
      return this.#give(target);
    }
    const run = this.#nextRun();
    const block = this.#blocks[this.#index] ?? 0;
    const reading = this.#readPages(run, block);
    if (typeof reading === "number") return this.#take(run, reading, target);
    return reading.then((bytes) => this.#take(run, bytes, target));
  }

  #give(target: Uint8Array): number {
    const piece = this.#ready.subarray(0, target.byteLength);
    target.set(piece);
    this.#ready = this.#ready.subarray(piece.byteLength);
    return piece.byteLength;
  }

  #take(run: Uint8Array, bytes: number, target: Uint8Array): number {
    run.fill(0, bytes);
    for (let at = 0; at < run.byteLength; at += PAGE_BYTES) {
      const hash = Bun.hash.xxHash3(run.subarray(at, at + PAGE_BYTES));
      this.pageHashes[this.#index] = BigInt(hash);
      this.#index += 1;
    }
    this.#ready = run;
    return this.#give(target);
  }

  /** Room for the next blocks that follow one another. */
  #nextRun(): Uint8Array {
    const blocks = this.#blocks;
    const first = blocks[this.#index] ?? 0;
    let count = 1;
    while (count < RUN_PAGES_MAX && blocks[this.#index + count] === first + count) count += 1;
    this.#run ??= new Uint8Array(Math.min(RUN_PAGES_MAX, blocks.length) * PAGE_BYTES);
    return this.#run.subarray(0, count * PAGE_BYTES);
  }
}
