import type { FrameIndex } from "./codec.ts";

/*
 * The seek table of zstd's seekable format (contrib/seekable_format), behind the last frame in a
 * frame that every decoder skips; numbers are little endian:
 *
 *   0   4    5e 2a 4d 18: a skippable frame
 *   4   4    bytes that follow
 *   8   8·N  for each frame in order: u32 stored bytes, u32 plain bytes
 *       4    N
 *       1    0: the entries have no checksums
 *       4    b1 ea 92 8f
 */
const SKIPPABLE_MAGIC = 0x184d2a5e;
const SEEKABLE_MAGIC = 0x8f92eab1;
const HEADER_BYTES = 8;
const ENTRY_BYTES = 8;
const FOOTER_BYTES = 9;

/** How much of an object's end holds the table of any part below a gigabyte, and some beyond. */
export const SEEK_TAIL_BYTES = 64 << 10;

/** Collects the sizes of the frames while they are written. */
export class SeekTableWriter {
  #sizes = new Uint32Array(256);
  #count = 0;

  get frameCount(): number {
    return this.#count;
  }

  add(storedBytes: number, plainBytes: number): void {
    if (this.#count * 2 === this.#sizes.length) {
      const larger = new Uint32Array(this.#sizes.length * 2);
      larger.set(this.#sizes);
      this.#sizes = larger;
    }
    this.#sizes[this.#count * 2] = storedBytes;
    this.#sizes[this.#count * 2 + 1] = plainBytes;
    this.#count += 1;
  }

  finish(): Uint8Array {
    const bytes = new Uint8Array(HEADER_BYTES + this.#count * ENTRY_BYTES + FOOTER_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, SKIPPABLE_MAGIC, true);
    view.setUint32(4, bytes.byteLength - HEADER_BYTES, true);
    for (let index = 0; index < this.#count * 2; index++) {
      view.setUint32(HEADER_BYTES + index * 4, this.#sizes[index] ?? 0, true);
    }
    const footer = bytes.byteLength - FOOTER_BYTES;
    view.setUint32(footer, this.#count, true);
    view.setUint32(footer + 5, SEEKABLE_MAGIC, true);
    return bytes;
  }
}

/**
 * Reads the table from the last bytes of an object. undefined: there is none, it does not fit the
 * object, or it is longer than `tail`. What it says is a hint: whoever reads by it must prove the
 * bytes that come.
 */
export function readSeekTable(tail: Uint8Array, storedBytes: number): FrameIndex | undefined {
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  const footer = tail.byteLength - FOOTER_BYTES;
  if (footer < HEADER_BYTES || view.getUint32(footer + 5, true) !== SEEKABLE_MAGIC) {
    return undefined;
  }
  const count = view.getUint32(footer, true);
  const tableBytes = HEADER_BYTES + count * ENTRY_BYTES + FOOTER_BYTES;
  const start = tail.byteLength - tableBytes;
  if (tail[footer + 4] !== 0 || count === 0 || start < 0) return undefined;
  const isFrame =
    view.getUint32(start, true) === SKIPPABLE_MAGIC &&
    view.getUint32(start + 4, true) === tableBytes - HEADER_BYTES;
  if (!isFrame) return undefined;
  const storedStarts = new Float64Array(count + 1);
  const plainStarts = new Float64Array(count + 1);
  for (let index = 0; index < count; index++) {
    const at = start + HEADER_BYTES + index * ENTRY_BYTES;
    storedStarts[index + 1] = (storedStarts[index] ?? 0) + view.getUint32(at, true);
    plainStarts[index + 1] = (plainStarts[index] ?? 0) + view.getUint32(at + 4, true);
  }
  if (storedStarts[count] !== storedBytes - tableBytes) return undefined;
  return { storedStarts, plainStarts };
}
