import { MATCH_BYTES_MAX } from "./lzma-model.ts";

/** How far back matches are looked for; below the dictionary that the header promises. */
export const HISTORY_BYTES = 4 << 20;
const HASH_BITS = 20;
const HASH_PRIME = 0x9e3779b1 | 0;
const HASHED_BYTES = 4;
/** Older candidates than that many are not tried. */
const CHAIN_MAX = 24;
/** A match that long is taken without looking for a longer one. */
const GOOD_MATCH_BYTES = 64;

/**
 * The bytes around the one that is encoded, and the search for earlier ones that are equal: for
 * each hash of four bytes the last place, and from each place to the one before it.
 */
export class MatchFinder {
  readonly bytes: Uint8Array = Buffer.allocUnsafeSlow(2 * HISTORY_BYTES);
  readonly #view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  readonly #heads = new Int32Array(1 << HASH_BITS).fill(-1);
  readonly #previous = new Int32Array(HISTORY_BYTES);
  #filled = 0;
  #hashed = 0;
  /** Of the match that `find` found. */
  distance = 0;

  /** Where the known bytes end. */
  get end(): number {
    return this.#filled;
  }

  /** Takes over as much of `input` as there is room for, and says how much. */
  fill(input: Uint8Array): number {
    const takenBytes = Math.min(input.byteLength, this.bytes.byteLength - this.#filled);
    this.bytes.set(input.subarray(0, takenBytes), this.#filled);
    this.#filled += takenBytes;
    return takenBytes;
  }

  /** Forgets the older half. Every place before moves by `HISTORY_BYTES`. */
  slide(): void {
    this.bytes.copyWithin(0, HISTORY_BYTES, this.#filled);
    this.#filled -= HISTORY_BYTES;
    this.#hashed -= HISTORY_BYTES;
    for (const table of [this.#heads, this.#previous]) {
      for (let index = 0; index < table.length; index++) {
        table[index] = Math.max(-1, (table[index] ?? -1) - HISTORY_BYTES);
      }
    }
  }

  /** The length of the longest match found at `position`, 0 for none. Hot loop. */
  find(position: number): number {
    this.#hashUpTo(position);
    const limit = Math.min(this.#filled, position + MATCH_BYTES_MAX);
    if (limit - position < HASHED_BYTES) return 0;
    const bytes = this.bytes;
    const oldest = Math.max(0, position - HISTORY_BYTES + 1);
    let match = this.#heads[this.#slot(position)] ?? -1;
    let bestBytes = HASHED_BYTES - 1;
    for (let tries = CHAIN_MAX; tries > 0 && match >= oldest; tries--) {
      if (bytes[match + bestBytes] === bytes[position + bestBytes]) {
        const length = this.matchBytes(position, position - match, limit);
        if (length > bestBytes) {
          bestBytes = length;
          this.distance = position - match;
          if (length >= GOOD_MATCH_BYTES || position + length === limit) break;
        }
      }
      match = this.#previous[match & (HISTORY_BYTES - 1)] ?? -1;
    }
    return bestBytes >= HASHED_BYTES ? bestBytes : 0;
  }

  /** How many bytes at `position` equal those `distance` before them, up to `limit`. */
  matchBytes(position: number, distance: number, limit: number): number {
    const bytes = this.bytes;
    let end = position;
    while (end < limit && bytes[end] === bytes[end - distance]) end++;
    return end - position;
  }

  /** Every place before `position` becomes one that can be found. */
  #hashUpTo(position: number): void {
    const last = Math.min(position, this.#filled - HASHED_BYTES + 1);
    for (; this.#hashed < last; this.#hashed++) {
      const slot = this.#slot(this.#hashed);
      this.#previous[this.#hashed & (HISTORY_BYTES - 1)] = this.#heads[slot] ?? -1;
      this.#heads[slot] = this.#hashed;
    }
  }

  #slot(position: number): number {
    return Math.imul(this.#view.getInt32(position, true), HASH_PRIME) >>> (32 - HASH_BITS);
  }
}
