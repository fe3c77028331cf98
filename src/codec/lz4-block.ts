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

/**
 * Compresses blocks, one after the other; the memory for the search is kept between them. The
 * loop is one function with everything in locals: a process that archives one segment runs most
 * of it before the compiler has seen what it does.
 */
export class Lz4BlockEncoder {
  readonly #table = new Int32Array(1 << HASH_BITS);

  /** Writes one block; `target` has `lz4BlockBytesMax` bytes. Gives the block's size. */
  encode(plain: Uint8Array, target: Uint8Array): number {
    const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength);
    const table = this.#table.fill(-1);
    const startLimit = plain.byteLength - MATCH_START_MARGIN_BYTES;
    const matchLimit = plain.byteLength - LAST_LITERALS_BYTES;
    let written = 0;
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
      const offset = position - match;
      let end = position + MATCH_BYTES_MIN;
      while (
        end <= matchLimit - 4 &&
        view.getInt32(end, true) === view.getInt32(end - offset, true)
      ) {
        end += 4;
      }
      while (end < matchLimit && plain[end] === plain[end - offset]) end++;
      const extraBytes = end - position - MATCH_BYTES_MIN;
      const literals = position - anchor;
      target[written++] = (literals < 15 ? literals << 4 : 0xf0) | Math.min(extraBytes, 15);
      if (literals >= 15) written = writeCount(target, written, literals - 15);
      if (literals > SHORT_COPY_BYTES) {
        target.set(plain.subarray(anchor, position), written);
        written += literals;
      } else {
        while (anchor < position) target[written++] = plain[anchor++] ?? 0;
      }
      target[written++] = offset & 0xff;
      target[written++] = offset >>> 8;
      if (extraBytes >= 15) written = writeCount(target, written, extraBytes - 15);
      position = anchor = end;
      if (position < startLimit) {
        const before = view.getInt32(position - 2, true);
        table[Math.imul(before, HASH_PRIME) >>> (32 - HASH_BITS)] = position - 2;
      }
    }
    return writeLastLiterals(plain.subarray(anchor), target, written);
  }
}

function writeLastLiterals(literals: Uint8Array, target: Uint8Array, start: number): number {
  const count = literals.byteLength;
  let written = start;
  target[written++] = Math.min(count, 15) << 4;
  if (count >= 15) written = writeCount(target, written, count - 15);
  target.set(literals, written);
  return written + count;
}

/** What of a count is left over in its token. Gives where the next byte goes. */
function writeCount(target: Uint8Array, start: number, count: number): number {
  let written = start;
  let left = count;
  for (; left >= 255; left -= 255) target[written++] = 255;
  target[written++] = left;
  return written;
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
    const match = written - offset;
    const end = written + length;
    if (length > SHORT_COPY_BYTES && offset >= length)
      target.copyWithin(written, match, match + length);
    else if (length > SHORT_COPY_BYTES && offset === 1)
      target.fill(target[match] ?? 0, written, end);
    else for (let from = match; written < end; ) target[written++] = target[from++] ?? 0;
    written = end;
  }
  throw corruptLz4("a block ends inside a sequence");
}

export function corruptLz4(detail: string): CorruptObjectError {
  return new CorruptObjectError("lz4 data", detail);
}
