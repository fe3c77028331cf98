/**
 * The LZ4 block format. A block is a row of sequences:
 *
 * token (1): literal count in the high 4 bits, match length - 4 in the low 4; 15 is continued in
 *            further bytes, each added, until one is below 255
 * literals, match offset (2, little endian, 1–65535 backwards)
 *
 * The last sequence ends after its literals. The last 5 bytes are literals, and no match begins
 * in the last 12.
 */
import { CorruptObjectError } from "../base/errors.ts";

const HASH_BITS = 14;
const HASH_PRIME = 0x9e3779b1 | 0;
const MATCH_BYTES_MIN = 4;
const LAST_LITERALS_BYTES = 5;
const MATCH_START_MARGIN_BYTES = 12;
const OFFSET_MAX = 65535;
/** Every 2^6 failed attempts the search takes one byte more at a time. */
const SKIP_TRIGGER_BITS = 6;
/** Below it a copy byte by byte beats the call. */
const SHORT_COPY_BYTES = 32;

/** Room for any block of that many plain bytes. */
export function lz4BlockBytesMax(plainBytes: number): number {
  return plainBytes + Math.ceil(plainBytes / 255) + 16;
}

/** Compresses blocks, one after the other; the memory for the search is kept between them. */
export class Lz4BlockEncoder {
  readonly #table = new Int32Array(1 << HASH_BITS);
  #target: Uint8Array = new Uint8Array(0);
  #written = 0;

  /** Writes one block; `target` has `lz4BlockBytesMax` bytes. Gives the block's size. */
  encode(plain: Uint8Array, target: Uint8Array): number {
    this.#target = target;
    this.#written = 0;
    const anchor = this.#matches(plain);
    this.#writeLiterals(plain, anchor, plain.byteLength, 0);
    return this.#written;
  }

  /** Hot loop. Gives where the literals begin that no sequence holds yet. */
  #matches(plain: Uint8Array): number {
    const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength);
    const table = this.#table.fill(-1);
    const startLimit = plain.byteLength - MATCH_START_MARGIN_BYTES;
    const matchLimit = plain.byteLength - LAST_LITERALS_BYTES;
    let anchor = 0;
    let position = 0;
    let attempts = 1 << SKIP_TRIGGER_BITS;
    while (position < startLimit) {
      const word = view.getInt32(position, true);
      const slot = Math.imul(word, HASH_PRIME) >>> (32 - HASH_BITS);
      let match = table[slot] ?? -1;
      table[slot] = position;
      if (match < 0 || position - match > OFFSET_MAX || view.getInt32(match, true) !== word) {
        position += attempts++ >>> SKIP_TRIGGER_BITS;
        continue;
      }
      attempts = 1 << SKIP_TRIGGER_BITS;
      while (position > anchor && match > 0 && plain[position - 1] === plain[match - 1]) {
        position--;
        match--;
      }
      const end = matchEnd(plain, view, {
        position: position + MATCH_BYTES_MIN,
        match: match + MATCH_BYTES_MIN,
        limit: matchLimit,
      });
      this.#writeSequence(plain, { anchor, position, match, end });
      position = anchor = end;
      if (position < startLimit) {
        const before = view.getInt32(position - 2, true);
        table[Math.imul(before, HASH_PRIME) >>> (32 - HASH_BITS)] = position - 2;
      }
    }
    return anchor;
  }

  #writeSequence(
    plain: Uint8Array,
    at: {
      readonly anchor: number;
      readonly position: number;
      readonly match: number;
      readonly end: number;
    },
  ): void {
    const extraBytes = at.end - at.position - MATCH_BYTES_MIN;
    this.#writeLiterals(plain, at.anchor, at.position, Math.min(extraBytes, 15));
    const offset = at.position - at.match;
    this.#target[this.#written++] = offset & 0xff;
    this.#target[this.#written++] = offset >>> 8;
    if (extraBytes >= 15) this.#writeCount(extraBytes - 15);
  }

  #writeLiterals(plain: Uint8Array, start: number, end: number, matchBits: number): void {
    const target = this.#target;
    const count = end - start;
    target[this.#written++] = (Math.min(count, 15) << 4) | matchBits;
    if (count >= 15) this.#writeCount(count - 15);
    if (count > SHORT_COPY_BYTES) {
      target.set(plain.subarray(start, end), this.#written);
    } else {
      for (let index = 0; index < count; index++) {
        target[this.#written + index] = plain[start + index] ?? 0;
      }
    }
    this.#written += count;
  }

  #writeCount(count: number): void {
    let left = count;
    for (; left >= 255; left -= 255) this.#target[this.#written++] = 255;
    this.#target[this.#written++] = left;
  }
}

function matchEnd(
  plain: Uint8Array,
  view: DataView,
  at: { readonly position: number; readonly match: number; readonly limit: number },
): number {
  const { limit } = at;
  let position = at.position;
  let match = at.match;
  while (position <= limit - 4 && view.getInt32(position, true) === view.getInt32(match, true)) {
    position += 4;
    match += 4;
  }
  while (position < limit && plain[position] === plain[match]) {
    position++;
    match++;
  }
  return position;
}

/**
 * Decodes one block into `target` from `start` on; matches may reach back to the beginning of
 * `target`. Gives the number of plain bytes. Hot loop.
 */
export function decodeLz4Block(block: Uint8Array, target: Uint8Array, start: number): number {
  let position = 0;
  let written = start;
  const blockBytes = block.byteLength;
  while (position < blockBytes) {
    const token = block[position++] ?? 0;
    let count = token >>> 4;
    if (count === 15) {
      let more = 255;
      while (more === 255 && position < blockBytes) count += more = block[position++] ?? 0;
    }
    const literalsEnd = position + count;
    if (literalsEnd > blockBytes) throw corruptLz4("a block's literals are cut short");
    if (written + count > target.byteLength) throw corruptLz4("a block is larger than allowed");
    if (count > SHORT_COPY_BYTES) {
      target.set(block.subarray(position, literalsEnd), written);
      written += count;
      position = literalsEnd;
    } else {
      while (position < literalsEnd) target[written++] = block[position++] ?? 0;
    }
    // Only literals may end a block.
    if (position === blockBytes) return written - start;
    if (position + 2 > blockBytes) throw corruptLz4("a block ends inside a match");
    const offset = (block[position] ?? 0) | ((block[position + 1] ?? 0) << 8);
    position += 2;
    let length = (token & 15) + MATCH_BYTES_MIN;
    if (length === 15 + MATCH_BYTES_MIN) {
      let more = 255;
      while (more === 255 && position < blockBytes) length += more = block[position++] ?? 0;
    }
    if (offset === 0 || offset > written) throw corruptLz4("a match before the data's beginning");
    if (written + length > target.byteLength) throw corruptLz4("a block is larger than allowed");
    copyMatch(target, { written, offset, length });
    written += length;
  }
  throw corruptLz4("a block ends inside a sequence");
}

function copyMatch(
  target: Uint8Array,
  at: { readonly written: number; readonly offset: number; readonly length: number },
): void {
  const { written, offset, length } = at;
  const match = written - offset;
  if (length > SHORT_COPY_BYTES && offset >= length) {
    target.copyWithin(written, match, match + length);
  } else if (length > SHORT_COPY_BYTES && offset === 1) {
    target.fill(target[match] ?? 0, written, written + length);
  } else {
    for (let index = 0; index < length; index++) {
      target[written + index] = target[match + index] ?? 0;
    }
  }
}

export function corruptLz4(detail: string): CorruptObjectError {
  return new CorruptObjectError("lz4 data", detail);
}
