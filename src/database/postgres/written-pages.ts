import type { IncrementShape } from "../../delta/increment-apply.ts";

/**
 * Which bytes of a file newer backups of the chain have given already, when a chain is restored
 * newest first. What is there is never looked at: a page of zeros may be the newest one.
 */
export class WrittenPages {
  readonly pageBytes: number;
  /** The size that the newest backup gave the file. */
  readonly fileBytes: number;
  readonly #bits: Uint8Array;
  #limitBytes: number;

  /** `newest`: the first increment of the file that is restored. */
  constructor(newest: IncrementShape) {
    this.pageBytes = newest.pageBytes;
    this.fileBytes = sizeAfter(newest);
    this.#limitBytes = this.fileBytes;
    this.#bits = new Uint8Array(Math.ceil(this.fileBytes / this.pageBytes / 8));
  }

  /**
   * Bytes of older backups at or past this are not part of the file: some backup in between saw
   * it shorter, and what came afterwards was new.
   */
  get limitBytes(): number {
    return this.#limitBytes;
  }

  has(block: number): boolean {
    return ((this.#bits[block >>> 3] ?? 0) & (1 << (block & 7))) !== 0;
  }

  /** An increment is written, and what is older ends where its file ended. */
  add({ blocks, fileBytes }: IncrementShape): void {
    for (const block of blocks) {
      if (block * this.pageBytes >= this.#limitBytes) break;
      const index = block >>> 3;
      this.#bits[index] = (this.#bits[index] ?? 0) | (1 << (block & 7));
    }
    this.#limitBytes = Math.min(this.#limitBytes, fileBytes);
  }

  /** Whether every page was written, so that nothing of an older backup matters. */
  get isComplete(): boolean {
    const blockCount = Math.ceil(this.fileBytes / this.pageBytes);
    for (let block = 0; block < blockCount; block++) if (!this.has(block)) return false;
    return true;
  }

  /**
   * The pieces of `[position, end)` that an older backup still has to give, as positions:
   * `give(from, to)`, in order.
   */
  missing(position: number, end: number, give: (from: number, to: number) => void): void {
    const stop = Math.min(end, this.#limitBytes);
    let from = position;
    while (from < stop) {
      const isWritten = this.has(Math.floor(from / this.pageBytes));
      let to = this.#pageEnd(from);
      while (to < stop && this.has(to / this.pageBytes) === isWritten) to += this.pageBytes;
      to = Math.min(to, stop);
      if (!isWritten) give(from, to);
      from = to;
    }
  }

  /**
   * The pieces of `[position, end)` that no increment wrote, whatever the limit: where no older
   * backup gives them, they are zeros.
   */
  unwritten(position: number, end: number, give: (from: number, to: number) => void): void {
    let from = position;
    while (from < end) {
      const to = Math.min(this.#pageEnd(from), end);
      if (!this.has(Math.floor(from / this.pageBytes))) give(from, to);
      from = to;
    }
  }

  #pageEnd(position: number): number {
    return (Math.floor(position / this.pageBytes) + 1) * this.pageBytes;
  }
}

/** The file's size once the increment is applied: pages past the recorded size make it grow. */
export function sizeAfter({ blocks, fileBytes, pageBytes }: IncrementShape): number {
  return Math.max(fileBytes, ((blocks.at(-1) ?? -1) + 1) * pageBytes);
}
