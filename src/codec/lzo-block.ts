/**
 * LZO1X, as the Linux kernel's Documentation/staging/lzo.rst describes it. An instruction byte
 * says how far back and how long a match is, and how many literals follow it:
 *
 * 0–15   after a row of 4 or more literals: a match of 3 at 2049–3072; after 1–3 literals: of 2
 *        at 1–1024; else a row of literals
 * 16–31  a match at 16384–49151, or, at 16384 exactly, the end
 * 32–63  a match at 1–16384
 * 64–127 a match of 3–4 at 1–2048; 128–255: of 5–8
 *
 * The low two bits of the match (of its last offset byte, from 16 to 63) are the literals after it.
 */
import { CorruptObjectError } from "../base/errors.ts";

const FIRST_LITERALS_BASE = 17;
const LONG_ROW_LITERALS = 4;

/** Decodes one block of exactly `plainBytes` bytes. */
export function decodeLzoBlock(block: Uint8Array, plainBytes: number): Uint8Array {
  const decoder = new LzoBlock(block, plainBytes);
  return decoder.decode();
}

class LzoBlock {
  readonly #block: Uint8Array;
  readonly #plain: Uint8Array;
  #offset = 0;
  #written = 0;
  /** Literals since the last match: 0, 1–3, or 4 for any longer row. */
  #literals = 0;

  constructor(block: Uint8Array, plainBytes: number) {
    this.#block = block;
    this.#plain = new Uint8Array(plainBytes);
  }

  decode(): Uint8Array {
    const first = this.#block[0] ?? 0;
    if (first > FIRST_LITERALS_BASE) {
      this.#offset = 1;
      const count = first - FIRST_LITERALS_BASE;
      this.#copyLiterals(count);
      this.#literals = Math.min(count, LONG_ROW_LITERALS);
    }
    while (this.#instruction());
    if (this.#offset !== this.#block.byteLength) throw corruptLzo("a block goes on after its end");
    if (this.#written !== this.#plain.byteLength) {
      throw corruptLzo(`a block holds ${this.#written} bytes, not ${this.#plain.byteLength}`);
    }
    return this.#plain;
  }

  /** false: it was the end. */
  #instruction(): boolean {
    const code = this.#byte();
    if (code < 16) return this.#lowInstruction(code);
    if (code >= 64) {
      const distance = (this.#byte() << 3) + ((code >>> 2) & 7) + 1;
      const bytes = code < 128 ? 3 + ((code >>> 5) & 1) : 5 + ((code >>> 5) & 3);
      return this.#match(distance, bytes, code & 3);
    }
    const isNear = code >= 32;
    const mask = isNear ? 31 : 7;
    const bytes = 2 + (code & mask || mask + this.#count());
    const low = this.#byte();
    const offset = ((this.#byte() << 8) | low) >>> 2;
    if (isNear) return this.#match(offset + 1, bytes, low & 3);
    const distance = 16384 + ((code & 8) << 11) + offset;
    if (distance === 16384) {
      if (bytes !== 3 || (low & 3) !== 0) throw corruptLzo("a block's end mark is not valid");
      return false;
    }
    return this.#match(distance, bytes, low & 3);
  }

  #lowInstruction(code: number): boolean {
    if (this.#literals === 0) {
      this.#copyLiterals(3 + (code || 15 + this.#count()));
      this.#literals = LONG_ROW_LITERALS;
      return true;
    }
    const isLongRow = this.#literals === LONG_ROW_LITERALS;
    const distance = (this.#byte() << 2) + (code >>> 2) + (isLongRow ? 2049 : 1);
    return this.#match(distance, isLongRow ? 3 : 2, code & 3);
  }

  #match(distance: number, bytes: number, literals: number): true {
    const start = this.#written - distance;
    if (start < 0) throw corruptLzo("a match before the data's beginning");
    if (this.#written + bytes > this.#plain.byteLength) throw corruptLzo("a block is too long");
    const plain = this.#plain;
    for (let index = 0; index < bytes; index++) {
      plain[this.#written + index] = plain[start + index] ?? 0;
    }
    this.#written += bytes;
    this.#copyLiterals(literals);
    this.#literals = literals;
    return true;
  }

  #copyLiterals(count: number): void {
    const end = this.#offset + count;
    if (end > this.#block.byteLength) throw corruptLzo("a block's literals are cut short");
    if (this.#written + count > this.#plain.byteLength) throw corruptLzo("a block is too long");
    this.#plain.set(this.#block.subarray(this.#offset, end), this.#written);
    this.#written += count;
    this.#offset = end;
  }

  /** A count that is continued: 255 for each zero byte, then the byte that is not. */
  #count(): number {
    let count = 0;
    let byte = this.#byte();
    for (; byte === 0; byte = this.#byte()) count += 255;
    return count + byte;
  }

  #byte(): number {
    const byte = this.#block[this.#offset++];
    if (byte === undefined) throw corruptLzo("a block ends inside an instruction");
    return byte;
  }
}

export function corruptLzo(detail: string): CorruptObjectError {
  return new CorruptObjectError("lzo data", detail);
}
