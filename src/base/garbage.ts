/** Small objects that are made between two collections. */
const OBJECTS_MAX = 2000;

/**
 * Collects garbage where many small objects are made for each of very many files. By itself the
 * runtime lets its heap grow by the size of the machine's memory, and what it took it keeps: a
 * walk over 100,000 files would take twice the memory that it needs.
 */
export class GarbagePace {
  readonly #collect: () => void;
  #count = 0;

  constructor(collect: () => void = () => Bun.gc(true)) {
    this.#collect = collect;
  }

  /** So many more files have been dealt with. */
  passed(count = 1): void {
    this.#count += count;
    if (this.#count < OBJECTS_MAX) return;
    this.#count = 0;
    this.#collect();
  }
}
