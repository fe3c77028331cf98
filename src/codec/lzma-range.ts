import { assert } from "../base/assert.ts";
import { freedWhenRecycled } from "../stream/chunk-pool.ts";
import { corruptLzma, PROBABILITY_BITS, PROBABILITY_SHIFT } from "./lzma-model.ts";

const START_BYTES = 5;
const OUTSIDE = "assertion failed: an lzma probability is inside its table";
const SIGN = 0x80000000 | 0;
const PROBABILITY_ONE = 1 << PROBABILITY_BITS;

/** Reads the bits of a range-coded stream, each by its probability, and adapts the latter. */
export class RangeDecoder {
  readonly #probabilities: Uint16Array;
  #input: Uint8Array = new Uint8Array(0);
  #offset = 0;
  /** Both unsigned 32 bits, kept in signed numbers; compared with the sign turned. */
  #range = -1;
  #code = 0;
  #isStarted = false;

  constructor(probabilities: Uint16Array) {
    this.#probabilities = probabilities;
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  get availableBytes(): number {
    return this.#input.byteLength - this.#offset;
  }

  /** Whether the encoder's last bytes have all been taken: then the code is zero. */
  get isFinished(): boolean {
    return this.#code === 0;
  }

  /** More input, behind what is left of the previous. */
  feed(input: Uint8Array): void {
    const left = this.#input.subarray(this.#offset);
    this.#input = left.byteLength === 0 ? input : Buffer.concat([left, input]);
    this.#offset = 0;
  }

  /** Lets go of the input: who fed it may give its memory back. */
  keepRest(): void {
    this.#input = this.#input.slice(this.#offset);
    this.#offset = 0;
  }

  /** Takes the stream's first bytes; false when they are not all there. */
  start(): boolean {
    if (this.availableBytes < START_BYTES) return false;
    if (this.#input[this.#offset] !== 0) throw corruptLzma("the data does not begin with zero");
    const { buffer, byteOffset } = this.#input;
    this.#code = new DataView(buffer, byteOffset + this.#offset, START_BYTES).getInt32(1);
    this.#offset += START_BYTES;
    this.#isStarted = true;
    return true;
  }

  /** One bit by the probability at `index`. */
  bit(index: number): number {
    const probability = this.#probabilities[index];
    assert(probability !== undefined, "an lzma probability is inside its table");
    const bound = Math.imul(this.#range >>> PROBABILITY_BITS, probability);
    let bit = 0;
    if ((this.#code ^ SIGN) < (bound ^ SIGN)) {
      this.#range = bound;
      this.#probabilities[index] =
        probability + ((PROBABILITY_ONE - probability) >>> PROBABILITY_SHIFT);
    } else {
      this.#range = (this.#range - bound) | 0;
      this.#code = (this.#code - bound) | 0;
      this.#probabilities[index] = probability - (probability >>> PROBABILITY_SHIFT);
      bit = 1;
    }
    if (this.#range >>> 24 === 0) this.#normalize();
    return bit;
  }

  /**
   * A number of `bits` bits, the highest first, through a tree of probabilities. Hot loop: the
   * same as `bit` for each, with everything in locals.
   */
  tree(base: number, bits: number): number {
    return this.#symbol(base, 1, 1 << bits) - (1 << bits);
  }

  /**
   * A byte behind a match: as long as its bits are those of `matched`, which would have continued
   * the match, they have probabilities of their own.
   */
  matchedByte(base: number, matched: number): number {
    let symbol = 1;
    for (let shift = 7; shift >= 0; shift--) {
      const matchedBit = (matched >>> shift) & 1;
      const bit = this.bit(base + ((1 + matchedBit) << 8) + symbol);
      symbol = (symbol << 1) | bit;
      if (bit !== matchedBit) break;
    }
    return this.#symbol(base, symbol, 0x100) - 0x100;
  }

  /** Goes on down a tree from the node `symbol` to a leaf, which is `leaves` or more. */
  #symbol(base: number, start: number, leaves: number): number {
    const probabilities = this.#probabilities;
    const input = this.#input;
    let offset = this.#offset;
    let range = this.#range;
    let code = this.#code;
    let symbol = start;
    while (symbol < leaves) {
      const index = base + symbol;
      const probability = probabilities[index];
      if (probability === undefined) throw new Error(OUTSIDE);
      const bound = Math.imul(range >>> PROBABILITY_BITS, probability);
      if ((code ^ SIGN) < (bound ^ SIGN)) {
        range = bound;
        probabilities[index] =
          probability + ((PROBABILITY_ONE - probability) >>> PROBABILITY_SHIFT);
        symbol <<= 1;
      } else {
        range = (range - bound) | 0;
        code = (code - bound) | 0;
        probabilities[index] = probability - (probability >>> PROBABILITY_SHIFT);
        symbol = (symbol << 1) | 1;
      }
      if (range >>> 24 === 0) {
        const byte = input[offset++];
        if (byte === undefined) throw corruptLzma("input ends before the data does");
        range <<= 8;
        code = (code << 8) | byte;
      }
    }
    this.#offset = offset;
    this.#range = range;
    this.#code = code;
    return symbol;
  }

  /** The same with the lowest bit first. */
  reverseTree(base: number, bits: number): number {
    let node = 1;
    let symbol = 0;
    for (let index = 0; index < bits; index++) {
      const bit = this.bit(base + node);
      node = (node << 1) | bit;
      symbol |= bit << index;
    }
    return symbol;
  }

  /** A number of `bits` bits of even probability, the highest first. */
  direct(bits: number): number {
    let value = 0;
    for (let index = 0; index < bits; index++) {
      this.#range >>>= 1;
      let bit = 0;
      if ((this.#code ^ SIGN) >= (this.#range ^ SIGN)) {
        this.#code = (this.#code - this.#range) | 0;
        bit = 1;
      }
      if (this.#range >>> 24 === 0) this.#normalize();
      value = value * 2 + bit;
    }
    return value;
  }

  #normalize(): void {
    const byte = this.#input[this.#offset];
    if (byte === undefined) throw corruptLzma("input ends before the data does");
    this.#offset += 1;
    this.#range <<= 8;
    this.#code = (this.#code << 8) | byte;
  }
}

const OUTPUT_BYTES = 64 * 1024;

/** Writes bits, each by its probability, and adapts the latter as the reader will. */
export class RangeEncoder {
  readonly #probabilities: Uint16Array;
  #output: Uint8Array = new Uint8Array(OUTPUT_BYTES);
  #written = 0;
  #range = -1;
  /** Up to 33 bits: the highest is a carry into bytes that are held back for it. */
  #low = 0;
  #heldByte = 0;
  #heldCount = 1;

  constructor(probabilities: Uint16Array) {
    this.#probabilities = probabilities;
  }

  get writtenBytes(): number {
    return this.#written;
  }

  /** What was written since the last call. */
  take(): Uint8Array {
    const taken = freedWhenRecycled(this.#output.slice(0, this.#written));
    this.#written = 0;
    return taken;
  }

  bit(index: number, bit: number): void {
    const probability = this.#probabilities[index];
    assert(probability !== undefined, "an lzma probability is inside its table");
    const bound = Math.imul(this.#range >>> PROBABILITY_BITS, probability);
    if (bit === 0) {
      this.#range = bound;
      this.#probabilities[index] =
        probability + ((PROBABILITY_ONE - probability) >>> PROBABILITY_SHIFT);
    } else {
      this.#low += bound >>> 0;
      this.#range = (this.#range - bound) | 0;
      this.#probabilities[index] = probability - (probability >>> PROBABILITY_SHIFT);
    }
    if (this.#range >>> 24 === 0) this.#normalize();
  }

  tree(base: number, bits: number, value: number): void {
    let node = 1;
    for (let index = bits - 1; index >= 0; index--) {
      const bit = (value >>> index) & 1;
      this.bit(base + node, bit);
      node = (node << 1) | bit;
    }
  }

  reverseTree(base: number, bits: number, value: number): void {
    let node = 1;
    for (let index = 0; index < bits; index++) {
      const bit = (value >>> index) & 1;
      this.bit(base + node, bit);
      node = (node << 1) | bit;
    }
  }

  direct(bits: number, value: number): void {
    for (let index = bits - 1; index >= 0; index--) {
      this.#range >>>= 1;
      if (((value >>> index) & 1) === 1) this.#low += this.#range;
      if (this.#range >>> 24 === 0) this.#normalize();
    }
  }

  /** Writes what is still held back. */
  finish(): void {
    for (let index = 0; index < START_BYTES; index++) this.#shiftLow();
  }

  #normalize(): void {
    this.#range <<= 8;
    this.#shiftLow();
  }

  /** A run of ff bytes waits, with the byte before it, until it is known whether a carry comes. */
  #shiftLow(): void {
    if (this.#low < 0xff000000 || this.#low >= 0x100000000) {
      const carry = this.#low >= 0x100000000 ? 1 : 0;
      let byte = this.#heldByte;
      for (; this.#heldCount > 0; this.#heldCount--) {
        this.#put((byte + carry) & 0xff);
        byte = 0xff;
      }
      this.#heldByte = Math.floor(this.#low / 0x1000000) & 0xff;
    }
    this.#heldCount += 1;
    this.#low = (this.#low % 0x1000000) * 0x100;
  }

  #put(byte: number): void {
    if (this.#written === this.#output.byteLength) {
      const larger = new Uint8Array(this.#output.byteLength * 2);
      larger.set(this.#output);
      this.#output = larger;
    }
    this.#output[this.#written++] = byte;
  }
}
