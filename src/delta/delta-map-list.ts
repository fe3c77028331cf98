import type { ChangeSink } from "./change-sink.ts";

const WORDS = 4;
const START_CAPACITY = 1024;

/**
 * Collects what a delta map holds: each block once, in the order of its first mention, and each
 * relation's lowest limit. Takes 24 to 48 bytes for each location, whatever their number.
 */
export class DeltaMapList implements ChangeSink {
  readonly #blocks = new LocationList();
  readonly #limits = new Map<string, number>();
  readonly #limitWords = new LocationList();

  block(tablespace: number, database: number, relation: number, block: number): void {
    this.#blocks.add(tablespace, database, relation, block);
  }

  from(tablespace: number, database: number, relation: number, block: number): void {
    const key = `${tablespace}/${database}/${relation}`;
    const known = this.#limits.get(key);
    if (known !== undefined && known <= block) return;
    this.#limits.set(key, block);
    this.#limitWords.add(tablespace, database, relation, block);
  }

  /** Views that the next call may change. */
  get blocks(): Uint32Array {
    return this.#blocks.words;
  }

  /** In the order of mention; a relation may come again with a lower block. */
  get limits(): Uint32Array {
    return this.#limitWords.words;
  }
}

/** Locations of four words, each once: a list, and a table of their places in it. */
class LocationList {
  #words = new Uint32Array(START_CAPACITY * WORDS);
  #count = 0;
  /** Place in the list, plus 1; open addressing, at most half full. */
  #table = new Int32Array(START_CAPACITY * 2);
  /** Of the last location that was added or found: the next one is often the same. */
  #lastAt = -WORDS;

  get words(): Uint32Array {
    return this.#words.subarray(0, this.#count * WORDS);
  }

  add(first: number, second: number, third: number, fourth: number): void {
    if (this.#isAt(this.#lastAt, first, second, third, fourth)) return;
    const slot = this.#find(first, second, third, fourth);
    if (slot < 0) return;
    if (this.#count * WORDS === this.#words.length) {
      this.#grow();
      this.add(first, second, third, fourth);
      return;
    }
    const at = this.#count * WORDS;
    this.#words[at] = first;
    this.#words[at + 1] = second;
    this.#words[at + 2] = third;
    this.#words[at + 3] = fourth;
    this.#lastAt = at;
    this.#count += 1;
    this.#table[slot] = this.#count;
  }

  /** The free slot for a location; negative when it is in the list. */
  #find(first: number, second: number, third: number, fourth: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    for (let slot = hash(first, second, third, fourth) & mask; ; slot = (slot + 1) & mask) {
      const place = table[slot] ?? 0;
      if (place === 0) return slot;
      const at = (place - 1) * WORDS;
      if (!this.#isAt(at, first, second, third, fourth)) continue;
      this.#lastAt = at;
      return -1;
    }
  }

  #isAt(at: number, first: number, second: number, third: number, fourth: number): boolean {
    const words = this.#words;
    return (
      words[at + 3] === fourth &&
      words[at + 2] === third &&
      words[at + 1] === second &&
      words[at] === first
    );
  }

  #grow(): void {
    const words = new Uint32Array(this.#words.length * 2);
    words.set(this.#words);
    this.#words = words;
    this.#table = new Int32Array((words.length / WORDS) * 2);
    for (let index = 0; index < this.#count; index += 1) {
      const at = index * WORDS;
      const [first = 0, second = 0, third = 0, fourth = 0] = words.subarray(at, at + WORDS);
      this.#table[this.#find(first, second, third, fourth)] = index + 1;
    }
  }
}

function hash(first: number, second: number, third: number, fourth: number): number {
  let mixed = Math.imul(fourth ^ Math.imul(third, 0x9e3779b1), 0x85ebca6b);
  mixed ^= Math.imul(second ^ Math.imul(first, 0xc2b2ae35), 0x27d4eb2f);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 13);
}
