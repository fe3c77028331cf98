import type { FileMark } from "./file-mark.ts";
import { MarkColumns } from "./mark-columns.ts";
import type { KnownFiles } from "./parent-files.ts";

/** Places of one block. */
const BLOCK_PLACES = 1 << 16;

/**
 * Marks in the order in which they were added. One that the parent noted as well is not kept
 * again: of a delta, that is nearly all, and 4 bytes each take the place of 17.
 */
export class MarkList {
  readonly #parent: KnownFiles | undefined;
  readonly #own = new MarkColumns();
  /** With a parent only: its number of the file; `~index` for a mark of our own. */
  readonly #places: Int32Array[] = [];
  #ownCount = 0;
  #size = 0;

  constructor(parent: KnownFiles | undefined) {
    this.#parent = parent;
  }

  get size(): number {
    return this.#size;
  }

  add(name: string, mark: FileMark): void {
    const known = this.#parent?.numberOf(name, mark);
    if (known === undefined) this.#own.set(this.#ownCount, mark);
    if (this.#parent !== undefined) this.#place(known ?? ~this.#ownCount);
    if (known === undefined) this.#ownCount += 1;
    this.#size += 1;
  }

  get(index: number): FileMark {
    if (this.#parent === undefined) return this.#own.get(index);
    const block = this.#places[Math.floor(index / BLOCK_PLACES)];
    const place = block?.[index % BLOCK_PLACES] ?? 0;
    return place < 0 ? this.#own.get(~place) : this.#parent.markAt(place);
  }

  /** What is kept in memory. */
  heldBytes(): number {
    return this.#own.heldBytes() + this.#places.length * BLOCK_PLACES * 4;
  }

  #place(place: number): void {
    const index = Math.floor(this.#size / BLOCK_PLACES);
    const block = this.#places[index] ?? new Int32Array(BLOCK_PLACES);
    this.#places[index] = block;
    block[this.#size % BLOCK_PLACES] = place;
  }
}
