import { edenGC } from "bun:jsc";

/** Small objects that are made between two collections, of the young ones and of all. */
const YOUNG_MAX = 500;
const OBJECTS_MAX = 4000;

/**
 * Collects garbage where many small objects are made for each of very many files. By itself the
 * runtime lets its heap grow by the size of the machine's memory, and what it took it keeps: a
 * walk over 100,000 files would take twice the memory that it needs. Mostly only what is new is
 * looked at, which takes a fraction of the time.
 */
export class GarbagePace {
  readonly #collectYoung: () => void;
  readonly #collectAll: () => void;
  #young = 0;
  #count = 0;

  constructor(collectYoung: () => void = edenGC, collectAll: () => void = () => Bun.gc(true)) {
    this.#collectYoung = collectYoung;
    this.#collectAll = collectAll;
  }

  /** So many more files have been dealt with. */
  passed(count = 1): void {
    this.#young += count;
    if (this.#young < YOUNG_MAX) return;
    this.#count += this.#young;
    this.#young = 0;
    if (this.#count < OBJECTS_MAX) {
      this.#collectYoung();
    } else {
      this.#count = 0;
      this.#collectAll();
    }
  }
}
