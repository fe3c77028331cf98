import { assert } from "../base/assert.ts";
import { MATCH_BYTES_MAX } from "./lzma-model.ts";

/**
 * How far back matches are looked for; below the dictionary that the header promises. Twice as
 * much gains nothing on WAL and 6 % on a table of pgbench, and takes 6 MiB more memory: with it,
 * archiving one segment stays below 70 MiB.
 */
export const HISTORY_BYTES = 1 << 20;
/** So much is forgotten at once; moving the rest is paid once per that many. */
export const SLIDE_BYTES = 1 << 20;
/** Bytes that have to be known behind a position before it is encoded. */
export const LOOKAHEAD_BYTES = MATCH_BYTES_MAX + 1;
const HASH_BITS = 19;
const HASH_PRIME = 0x9e3779b1 | 0;
const HASHED_BYTES = 4;
/** Older candidates than that many are not tried. */
const CHAIN_MAX = 24;
/** A match that long is taken without looking for a longer one. */
const GOOD_MATCH_BYTES = 64;

/**
 * The bytes around the one that is encoded, and the search for earlier ones that are equal: for
 * each hash of four bytes the last place, and from each place to the one before it.
 *
 * Positions count from the beginning of `bytes`. The tables hold places counted from the data's
 * beginning, modulo 2^32, and begin as zeros: what they give is a proposal in any case, which
 * counts only when it is within reach and the bytes there are equal.
 */
export class MatchFinder {
  readonly bytes: Uint8Array = Buffer.allocUnsafeSlow(
    HISTORY_BYTES + SLIDE_BYTES + LOOKAHEAD_BYTES,
  );
  readonly #view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  readonly #heads = new Int32Array(1 << HASH_BITS);
  readonly #previous = new Int32Array(HISTORY_BYTES);
  /** What was forgotten, modulo 2^32. */
  #base = 0;
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

  /**
   * Forgets the oldest `SLIDE_BYTES`, by which every position moves; only when `position` keeps
   * all of its history, which distances that are in use reach back to.
   */
  slide(position: number): void {
    assert(position >= HISTORY_BYTES + SLIDE_BYTES, "a slide keeps the history of lzma data");
    this.bytes.copyWithin(0, SLIDE_BYTES, this.#filled);
    this.#filled -= SLIDE_BYTES;
    this.#hashed -= SLIDE_BYTES;
    this.#base = (this.#base + SLIDE_BYTES) | 0;
  }

  /** The byte at `position`, which must be a known one. */
  byteAt(position: number): number {
    const byte = this.bytes[position];
    assert(byte !== undefined && position < this.#filled, "lzma reads a byte that is known");
    return byte;
  }

  /** The length of the longest match found at `position`, 0 for none. Hot loop. */
  find(position: number): number {
    this.#hashUpTo(position);
    const limit = Math.min(this.#filled, position + MATCH_BYTES_MAX);
    if (limit - position < HASHED_BYTES) return 0;
    const bytes = this.bytes;
    const previous = this.#previous;
    const absolute = (this.#base + position) | 0;
    const reach = Math.min(position, HISTORY_BYTES);
    let match = entry(this.#heads, this.#slot(position));
    let nearer = 0;
    let bestBytes = HASHED_BYTES - 1;
    for (let tries = CHAIN_MAX; tries > 0; tries--) {
      const distance = (absolute - match) | 0;
      // A chain goes backwards: what does not is a rest of a place that is forgotten.
      if (distance <= nearer || distance > reach) break;
      nearer = distance;
      if (bytes[position - distance + bestBytes] === bytes[position + bestBytes]) {
        const length = this.matchBytes(position, distance, limit);
        if (length > bestBytes) {
          bestBytes = length;
          this.distance = distance;
          if (length >= GOOD_MATCH_BYTES || position + length === limit) break;
        }
      }
      match = entry(previous, match & (HISTORY_BYTES - 1));
    }
    return bestBytes >= HASHED_BYTES ? bestBytes : 0;
  }

  /**
   * How many bytes at `position` equal those `distance` before them, up to `limit`. The distance
   * must lie within the known bytes.
   */
  matchBytes(position: number, distance: number, limit: number): number {
    assert(distance > 0 && distance <= position, "lzma compares bytes that are known");
    const bytes = this.bytes;
    let end = position;
    while (end < limit && bytes[end] === bytes[end - distance]) end++;
    return end - position;
  }

  /** Every place before `position` becomes one that can be found. */
  #hashUpTo(position: number): void {
    const last = Math.min(position, this.#filled - HASHED_BYTES + 1);
    const heads = this.#heads;
    const previous = this.#previous;
    for (; this.#hashed < last; this.#hashed++) {
      const slot = this.#slot(this.#hashed);
      const absolute = (this.#base + this.#hashed) | 0;
      previous[absolute & (HISTORY_BYTES - 1)] = entry(heads, slot);
      heads[slot] = absolute;
    }
  }

  #slot(position: number): number {
    return Math.imul(this.#view.getInt32(position, true), HASH_PRIME) >>> (32 - HASH_BITS);
  }
}

function entry(table: Int32Array, index: number): number {
  const value = table[index];
  assert(value !== undefined, "an index of an lzma table is inside of it");
  return value;
}
