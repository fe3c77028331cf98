import { assert, defined } from "../base/assert.ts";
import { freedWhenRecycled } from "../stream/chunk-pool.ts";
import {
  ALIGN_BITS,
  corruptLzma,
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
import { RangeDecoder } from "./lzma-range.ts";

/** No symbol takes more input, so one with that much behind it never runs dry midway. */
const SYMBOL_BYTES_MAX = 24;
/** Room for new bytes behind the dictionary; moving the dictionary is paid once per that many. */
const OUTPUT_BYTES = 1 << 20;
/** Plain bytes that are given out at once. */
const PIECE_BYTES = 64 * 1024;
/** Below it a copy byte by byte beats the call. */
const SHORT_COPY_BYTES = 32;
const DICTIONARY_BYTES_MIN = 4096;
const DICTIONARY_BYTES_MAX = 256 << 20;
const END_MARKER = -1;

/** Decodes the range-coded part of LZMA data as it comes. */
export class LzmaDecoder {
  readonly #properties: LzmaProperties;
  readonly #probabilities: Uint16Array;
  readonly #range: RangeDecoder;
  readonly #dictionaryBytes: number;
  readonly #buffer: Uint8Array;
  /** In the buffer: where the next byte goes, and up to where bytes were given out. */
  #position = 0;
  #givenOut = 0;
  #totalBytes = 0;
  #state = 0;
  #rep0 = 0;
  #rep1 = 0;
  #rep2 = 0;
  #rep3 = 0;
  #isEnded = false;

  constructor(properties: LzmaProperties) {
    if (properties.dictionaryBytes > DICTIONARY_BYTES_MAX) {
      throw corruptLzma("the data needs a dictionary above 256 MiB");
    }
    this.#properties = properties;
    this.#probabilities = newProbabilities(properties);
    this.#range = new RangeDecoder(this.#probabilities);
    this.#dictionaryBytes = Math.max(properties.dictionaryBytes, DICTIONARY_BYTES_MIN);
    const outputBytes = Math.min(OUTPUT_BYTES, properties.plainBytes ?? OUTPUT_BYTES);
    const dictionaryBytes = Math.min(
      this.#dictionaryBytes,
      properties.plainBytes ?? this.#dictionaryBytes,
    );
    this.#buffer = new Uint8Array(dictionaryBytes + outputBytes + MATCH_BYTES_MAX);
  }

  /** Takes the next input, which is the caller's again afterwards, and gives what it decodes to. */
  *push(input: Uint8Array): Generator<Uint8Array> {
    this.#range.feed(input);
    yield* this.#decode(SYMBOL_BYTES_MAX);
    this.#range.keepRest();
  }

  /** Gives the rest; throws unless the data is complete and nothing follows it. */
  *finish(): Generator<Uint8Array> {
    yield* this.#decode(0);
    if (!this.#isEnded) throw corruptLzma("input ends before the data does");
    if (this.#range.availableBytes > 0) throw corruptLzma("something follows the data");
  }

  *#decode(inputBytesMin: number): Generator<Uint8Array> {
    if (!this.#range.isStarted && !this.#range.start()) return;
    while (!this.#isEnded && this.#range.availableBytes >= inputBytesMin) {
      this.#decodePiece(inputBytesMin);
      if (this.#position > this.#givenOut) {
        yield freedWhenRecycled(this.#buffer.slice(this.#givenOut, this.#position));
        this.#givenOut = this.#position;
      }
      this.#makeRoom();
    }
    // Bytes after the end never decode: they are seen as soon as they come.
    if (this.#isEnded && this.#range.availableBytes > 0) {
      throw corruptLzma("something follows the data");
    }
  }

  /** Decodes until a piece is full, the input may run dry, or the data ends. Hot loop. */
  #decodePiece(inputBytesMin: number): void {
    const range = this.#range;
    const limit = Math.min(this.#givenOut + PIECE_BYTES, this.#buffer.byteLength - MATCH_BYTES_MAX);
    const { plainBytes, positionBits } = this.#properties;
    const positionMask = (1 << positionBits) - 1;
    do {
      if (plainBytes !== undefined && this.#plainEnd(plainBytes)) return;
      const positionState = this.#total() & positionMask;
      if (range.bit(IS_MATCH + (this.#state << 4) + positionState) === 0) {
        this.#literal();
      } else {
        const length = this.#match(positionState);
        if (length === END_MARKER) {
          this.#checkEnd();
          this.#isEnded = true;
          return;
        }
        this.#copy(length);
      }
    } while (this.#position < limit && range.availableBytes >= inputBytesMin);
  }

  #checkEnd(): void {
    const { plainBytes } = this.#properties;
    if (plainBytes !== undefined && this.#total() !== plainBytes) {
      throw corruptLzma("the data is shorter than its header says");
    }
    if (!this.#range.isFinished) throw corruptLzma("the end marker does not end the data");
  }

  /** Plain bytes so far, of which the lowest bits choose probabilities. */
  #total(): number {
    return this.#totalBytes + this.#position;
  }

  /**
   * With a known size the data ends there; an end marker may follow. Only when all input is in
   * can it be told from a literal that never comes.
   */
  #plainEnd(plainBytes: number): boolean {
    const left = plainBytes - this.#total();
    if (left < 0) throw corruptLzma("the data is longer than its header says");
    if (left > 0 || !this.#range.isFinished || this.#range.availableBytes > 0) return false;
    this.#isEnded = true;
    return true;
  }

  #literal(): void {
    const { literalContextBits, literalPositionBits } = this.#properties;
    const previous = this.#total() === 0 ? 0 : this.#byteAt(this.#position - 1);
    const context =
      ((this.#total() & ((1 << literalPositionBits) - 1)) << literalContextBits) +
      (previous >>> (8 - literalContextBits));
    const base = LITERAL + context * 0x300;
    const range = this.#range;
    const byte =
      this.#state >= 7
        ? range.matchedByte(base, this.#byteAt(this.#position - this.#rep0 - 1))
        : range.tree(base, 8);
    this.#buffer[this.#position++] = byte;
    this.#state = stateAfterLiteral(this.#state);
  }

  #byteAt(position: number): number {
    const byte = this.#buffer[position];
    assert(byte !== undefined && position < this.#position, "lzma reads a byte that is known");
    return byte;
  }

  /** Reads a match's distance into rep0 and gives its length, or END_MARKER. */
  #match(positionState: number): number {
    const range = this.#range;
    const state = this.#state;
    if (range.bit(IS_REP + state) === 0) {
      this.#rep3 = this.#rep2;
      this.#rep2 = this.#rep1;
      this.#rep1 = this.#rep0;
      const length = this.#length(MATCH_LENGTH, positionState);
      this.#state = stateAfterMatch(state);
      this.#rep0 = this.#distance(length);
      return this.#rep0 === 0xffffffff ? END_MARKER : length + MATCH_BYTES_MIN;
    }
    if (range.bit(IS_REP_G0 + state) === 0) {
      if (range.bit(IS_REP0_LONG + (state << 4) + positionState) === 0) {
        this.#state = stateAfterShortRep(state);
        return 1;
      }
    } else {
      let distance = this.#rep1;
      if (range.bit(IS_REP_G1 + state) !== 0) {
        if (range.bit(IS_REP_G2 + state) === 0) {
          distance = this.#rep2;
        } else {
          distance = this.#rep3;
          this.#rep3 = this.#rep2;
        }
        this.#rep2 = this.#rep1;
      }
      this.#rep1 = this.#rep0;
      this.#rep0 = distance;
    }
    this.#state = stateAfterRep(state);
    return this.#length(REP_LENGTH, positionState) + MATCH_BYTES_MIN;
  }

  #length(model: number, positionState: number): number {
    const range = this.#range;
    if (range.bit(model + LENGTH_CHOICE) === 0) {
      return range.tree(model + LENGTH_LOW + (positionState << 3), 3);
    }
    if (range.bit(model + LENGTH_CHOICE_2) === 0) {
      return 8 + range.tree(model + LENGTH_MIDDLE + (positionState << 3), 3);
    }
    return 16 + range.tree(model + LENGTH_HIGH, 8);
  }

  #distance(length: number): number {
    const range = this.#range;
    const slot = range.tree(DISTANCE_SLOT + (Math.min(length, 3) << 6), 6);
    if (slot < 4) return slot;
    const bits = (slot >>> 1) - 1;
    const base = (2 | (slot & 1)) * 2 ** bits;
    if (slot < DISTANCE_SLOT_MODELED_END) {
      return base + range.reverseTree(DISTANCE_SPECIAL + base - slot, bits);
    }
    const direct = range.direct(bits - ALIGN_BITS) * (1 << ALIGN_BITS);
    return base + direct + range.reverseTree(DISTANCE_ALIGN, ALIGN_BITS);
  }

  #copy(length: number): void {
    const distance = this.#rep0 + 1;
    // Bytes before the data's beginning, or further back than promised, are no dictionary.
    if (distance > this.#total() || distance > this.#dictionaryBytes) {
      throw corruptLzma("a match before the data's beginning");
    }
    const buffer = this.#buffer;
    let position = this.#position;
    const end = position + length;
    const { plainBytes } = this.#properties;
    if (plainBytes !== undefined && this.#totalBytes + end > plainBytes) {
      throw corruptLzma("the data is longer than its header says");
    }
    let match = position - distance;
    assert(match >= 0 && end <= buffer.byteLength, "an lzma match is inside the buffer");
    if (length > SHORT_COPY_BYTES && distance >= length) {
      buffer.copyWithin(position, match, match + length);
    } else if (length > SHORT_COPY_BYTES && distance === 1) {
      buffer.fill(this.#byteAt(match), position, end);
    } else {
      while (position < end) buffer[position++] = defined(buffer[match++], "lzma byte");
    }
    this.#position = end;
  }

  /** Moves the dictionary to the buffer's beginning when the rest is used up. */
  #makeRoom(): void {
    if (this.#position < this.#buffer.byteLength - MATCH_BYTES_MAX) return;
    const kept = Math.min(this.#dictionaryBytes, this.#position);
    const moved = this.#position - kept;
    this.#buffer.copyWithin(0, moved, this.#position);
    this.#totalBytes += moved;
    this.#position = kept;
    this.#givenOut = kept;
  }
}
