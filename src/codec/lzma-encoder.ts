import { assert } from "../base/assert.ts";
import { HISTORY_BYTES, LOOKAHEAD_BYTES, MatchFinder, SLIDE_BYTES } from "./lzma-matches.ts";
import {
  ALIGN_BITS,
  DISTANCE_ALIGN,
  DISTANCE_SLOT,
  DISTANCE_SLOT_MODELED_END,
  DISTANCE_SPECIAL,
  IS_MATCH,
  IS_REP,
  IS_REP_G0,
  IS_REP_G1,
  IS_REP_G2,
  IS_REP0_LONG,
  LENGTH_CHOICE,
  LENGTH_CHOICE_2,
  LENGTH_HIGH,
  LENGTH_LOW,
  LENGTH_MIDDLE,
  LITERAL,
  type LzmaProperties,
  MATCH_BYTES_MAX,
  MATCH_BYTES_MIN,
  MATCH_LENGTH,
  newProbabilities,
  REP_LENGTH,
  stateAfterLiteral,
  stateAfterMatch,
  stateAfterRep,
  stateAfterShortRep,
} from "./lzma-model.ts";
import { RangeEncoder } from "./lzma-range.ts";

const PIECE_BYTES = 64 * 1024;
/** A far match must be longer than these to cost less than what it replaces. */
const NEAR_DISTANCE = 512;
const FAR_DISTANCE = 32768;

/** Writes the range-coded part of LZMA data, with an end marker. Matches are chosen greedily. */
export class LzmaEncoder {
  readonly #properties: LzmaProperties;
  readonly #range: RangeEncoder;
  readonly #finder = new MatchFinder();
  readonly #reps = Int32Array.of(0, 0, 0, 0);
  #position = 0;
  #movedBytes = 0;
  #state = 0;
  /** Of the next position when it was looked at already: its match's length and distance. */
  #aheadBytes = -1;
  #aheadDistance = 0;

  /** What `#findRep` found. */
  #repIndex = 0;
  #repBytes = 0;
  #isRepNextByte = false;

  constructor(properties: LzmaProperties) {
    this.#properties = properties;
    this.#range = new RangeEncoder(newProbabilities(properties));
  }

  *push(input: Uint8Array): Generator<Uint8Array> {
    for (let offset = 0; offset < input.byteLength; ) {
      offset += this.#finder.fill(input.subarray(offset));
      yield* this.#encodeUpTo(this.#finder.end - LOOKAHEAD_BYTES);
      if (this.#position >= HISTORY_BYTES + SLIDE_BYTES) {
        this.#finder.slide(this.#position);
        this.#position -= SLIDE_BYTES;
        this.#movedBytes += SLIDE_BYTES;
      }
    }
  }

  *finish(): Generator<Uint8Array> {
    yield* this.#encodeUpTo(this.#finder.end);
    this.#endMarker();
    this.#range.finish();
    yield this.#range.take();
  }

  *#encodeUpTo(end: number): Generator<Uint8Array> {
    while (this.#position < end) {
      this.#encodeNext();
      if (this.#range.writtenBytes >= PIECE_BYTES) yield this.#range.take();
    }
  }

  /** One symbol: a repeated distance, a match, or a literal. */
  #encodeNext(): void {
    const position = this.#position;
    const limit = Math.min(this.#finder.end, position + MATCH_BYTES_MAX);
    this.#findRep(position, limit);
    const repBytes = this.#repBytes;
    const matchBytes = this.#findMatch(position);
    const distance = this.#aheadDistance;
    this.#aheadBytes = -1;
    if (repBytes >= MATCH_BYTES_MIN && repBytes + repBonus(distance) >= matchBytes) {
      this.#writeRep(this.#repIndex, repBytes);
      this.#position += repBytes;
    } else if (matchBytes > 0 && !this.#isBetterAhead(position, matchBytes)) {
      this.#writeMatch(distance - 1, matchBytes);
      this.#position += matchBytes;
    } else if (this.#isRepNextByte && this.#state >= 7) {
      this.#writeShortRep();
      this.#position += 1;
    } else {
      this.#writeLiteral();
      this.#position += 1;
    }
  }

  #findMatch(position: number): number {
    if (this.#aheadBytes >= 0) return this.#aheadBytes;
    const bytes = this.#finder.find(position);
    this.#aheadDistance = this.#finder.distance;
    return bytes;
  }

  /** Whether a literal now makes way for a longer match at the next byte. */
  #isBetterAhead(position: number, matchBytes: number): boolean {
    if (matchBytes >= MATCH_BYTES_MAX / 4 || position + 1 >= this.#finder.end) return false;
    const nextBytes = this.#finder.find(position + 1);
    if (nextBytes <= matchBytes + 1) return false;
    this.#aheadBytes = nextBytes;
    this.#aheadDistance = this.#finder.distance;
    return true;
  }

  /** Which repeated distance gives the longest match; into fields, as it runs per symbol. */
  #findRep(position: number, limit: number): void {
    this.#repBytes = 0;
    this.#isRepNextByte = false;
    for (let candidate = 0; candidate < 4; candidate++) {
      const distance = this.#rep(candidate) + 1;
      // Only where the data begins: after a slide every distance in use is still within reach.
      if (distance > position) continue;
      const length = this.#finder.matchBytes(position, distance, limit);
      if (candidate === 0) this.#isRepNextByte = length > 0;
      if (length > this.#repBytes) {
        this.#repBytes = length;
        this.#repIndex = candidate;
      }
    }
  }

  #rep(index: number): number {
    const distance = this.#reps[index];
    assert(distance !== undefined, "lzma has four repeated distances");
    return distance;
  }

  #positionState(): number {
    return (this.#movedBytes + this.#position) & ((1 << this.#properties.positionBits) - 1);
  }

  #writeLiteral(): void {
    const { literalContextBits, literalPositionBits } = this.#properties;
    const finder = this.#finder;
    const position = this.#position;
    const total = this.#movedBytes + position;
    const previous = total === 0 ? 0 : finder.byteAt(position - 1);
    const context =
      ((total & ((1 << literalPositionBits) - 1)) << literalContextBits) +
      (previous >>> (8 - literalContextBits));
    const base = LITERAL + context * 0x300;
    const range = this.#range;
    range.bit(IS_MATCH + (this.#state << 4) + this.#positionState(), 0);
    const value = finder.byteAt(position);
    let symbol = 1;
    let shift = 7;
    // Behind a match the byte that would have continued it tells which one does not come.
    if (this.#state >= 7) {
      const matched = finder.byteAt(position - this.#rep(0) - 1);
      for (let isLikeMatch = true; isLikeMatch && shift >= 0; shift--) {
        const bit = (value >>> shift) & 1;
        const matchedBit = (matched >>> shift) & 1;
        range.bit(base + ((1 + matchedBit) << 8) + symbol, bit);
        symbol = (symbol << 1) | bit;
        isLikeMatch = bit === matchedBit;
      }
    }
    for (; shift >= 0; shift--) {
      const bit = (value >>> shift) & 1;
      range.bit(base + symbol, bit);
      symbol = (symbol << 1) | bit;
    }
    this.#state = stateAfterLiteral(this.#state);
  }

  #writeMatch(distance: number, bytes: number): void {
    const positionState = this.#positionState();
    this.#range.bit(IS_MATCH + (this.#state << 4) + positionState, 1);
    this.#range.bit(IS_REP + this.#state, 0);
    this.#writeLength(MATCH_LENGTH, positionState, bytes - MATCH_BYTES_MIN);
    this.#writeDistance(distance, bytes - MATCH_BYTES_MIN);
    this.#state = stateAfterMatch(this.#state);
    this.#reps.copyWithin(1, 0, 3);
    this.#reps[0] = distance;
  }

  #writeShortRep(): void {
    const state = this.#state;
    const positionState = this.#positionState();
    this.#range.bit(IS_MATCH + (state << 4) + positionState, 1);
    this.#range.bit(IS_REP + state, 1);
    this.#range.bit(IS_REP_G0 + state, 0);
    this.#range.bit(IS_REP0_LONG + (state << 4) + positionState, 0);
    this.#state = stateAfterShortRep(state);
  }

  #writeRep(index: number, bytes: number): void {
    const state = this.#state;
    const positionState = this.#positionState();
    const range = this.#range;
    range.bit(IS_MATCH + (state << 4) + positionState, 1);
    range.bit(IS_REP + state, 1);
    if (index === 0) {
      range.bit(IS_REP_G0 + state, 0);
      range.bit(IS_REP0_LONG + (state << 4) + positionState, 1);
    } else {
      range.bit(IS_REP_G0 + state, 1);
      range.bit(IS_REP_G1 + state, index === 1 ? 0 : 1);
      if (index > 1) range.bit(IS_REP_G2 + state, index - 2);
      const distance = this.#rep(index);
      this.#reps.copyWithin(1, 0, index);
      this.#reps[0] = distance;
    }
    this.#writeLength(REP_LENGTH, positionState, bytes - MATCH_BYTES_MIN);
    this.#state = stateAfterRep(state);
  }

  #writeLength(model: number, positionState: number, length: number): void {
    const range = this.#range;
    range.bit(model + LENGTH_CHOICE, length < 8 ? 0 : 1);
    if (length < 8) {
      range.tree(model + LENGTH_LOW + (positionState << 3), 3, length);
      return;
    }
    range.bit(model + LENGTH_CHOICE_2, length < 16 ? 0 : 1);
    if (length < 16) range.tree(model + LENGTH_MIDDLE + (positionState << 3), 3, length - 8);
    else range.tree(model + LENGTH_HIGH, 8, length - 16);
  }

  /** `distance` as an unsigned 32-bit number; the end marker's is all ones. */
  #writeDistance(distance: number, length: number): void {
    const range = this.#range;
    const isShort = distance >= 0 && distance < 4;
    const highBit = 31 - Math.clz32(distance);
    const slot = isShort ? distance : 2 * highBit + ((distance >>> (highBit - 1)) & 1);
    range.tree(DISTANCE_SLOT + (Math.min(length, 3) << 6), 6, slot);
    if (isShort) return;
    const bits = (slot >>> 1) - 1;
    if (slot < DISTANCE_SLOT_MODELED_END) {
      const base = (2 | (slot & 1)) << bits;
      range.reverseTree(DISTANCE_SPECIAL + base - slot, bits, distance - base);
      return;
    }
    range.direct(bits - ALIGN_BITS, (distance >>> ALIGN_BITS) & (2 ** (bits - ALIGN_BITS) - 1));
    range.reverseTree(DISTANCE_ALIGN, ALIGN_BITS, distance & ((1 << ALIGN_BITS) - 1));
  }

  #endMarker(): void {
    this.#writeMatch(0xffffffff | 0, MATCH_BYTES_MIN);
  }
}

/** By how many bytes a match may be longer and still lose to a repeated distance. */
function repBonus(distance: number): number {
  if (distance < NEAR_DISTANCE) return 1;
  return distance < FAR_DISTANCE ? 2 : 3;
}
