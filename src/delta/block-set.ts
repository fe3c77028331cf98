/** A chunk holds 2^16 blocks: half a gigabyte of pages. */
export const CHUNK_BLOCKS = 1 << 16;
/** One bit for each block of a chunk. */
export const BITMAP_BYTES = CHUNK_BLOCKS / 8;

/** A chunk with more blocks becomes a bitmap: inserting into a longer list costs too much. */
const LIST_MAX = 1024;
const LIST_START = 4;

/**
 * Block numbers of one relation, 32 bits unsigned. Few blocks take two bytes each, many one bit
 * for each block of their chunk, so a terabyte of relation never takes more than 16 MiB.
 */
export class BlockSet {
  readonly #chunks: (Chunk | undefined)[] = [];

  add(block: number): void {
    const chunk = this.#chunk(block >>> 16);
    const offset = block & 0xffff;
    if (chunk.bitmap === undefined) insert(chunk, offset);
    else setBit(chunk.bitmap, offset);
  }

  /** Adds a whole chunk: of byte n, bit m (the lowest is 0) stands for its block 8n + m. */
  addBitmap(chunkIndex: number, bitmap: Uint8Array): void {
    const target = bitmapOf(this.#chunk(chunkIndex));
    for (let at = 0; at < BITMAP_BYTES; at += 1) {
      target[at] = (target[at] ?? 0) | (bitmap[at] ?? 0);
    }
  }

  /** The blocks in `[start, end)`, ascending, counted from `start`. */
  between(start: number, end: number): Uint32Array {
    let found = new Uint32Array(LIST_START);
    let count = 0;
    for (const block of this.#blocksFrom(start, end)) {
      if (count === found.length) {
        const larger = new Uint32Array(found.length * 2);
        larger.set(found);
        found = larger;
      }
      found[count] = block - start;
      count += 1;
    }
    return found.subarray(0, count);
  }

  *#blocksFrom(start: number, end: number): Generator<number> {
    const last = Math.min(this.#chunks.length, Math.ceil(end / CHUNK_BLOCKS));
    for (let index = start >>> 16; index < last; index += 1) {
      const chunk = this.#chunks[index];
      if (chunk === undefined) continue;
      const base = index * CHUNK_BLOCKS;
      for (const offset of offsetsOf(chunk)) {
        const block = base + offset;
        if (block >= end) return;
        if (block >= start) yield block;
      }
    }
  }

  #chunk(index: number): Chunk {
    const chunk = this.#chunks[index];
    if (chunk !== undefined) return chunk;
    const fresh: Chunk = { list: new Uint16Array(LIST_START), count: 0, bitmap: undefined };
    while (this.#chunks.length < index) this.#chunks.push(undefined);
    this.#chunks[index] = fresh;
    return fresh;
  }
}

interface Chunk {
  /** Ascending; the first `count` entries count. Unused once there is a bitmap. */
  list: Uint16Array;
  count: number;
  bitmap: Uint8Array | undefined;
}

const NO_LIST = new Uint16Array(0);

function* offsetsOf({ list, count, bitmap }: Chunk): Generator<number> {
  for (let at = 0; at < count; at += 1) yield list[at] ?? 0;
  if (bitmap === undefined) return;
  for (let at = 0; at < BITMAP_BYTES; at += 1) {
    for (let rest = bitmap[at] ?? 0; rest !== 0; rest &= rest - 1) {
      yield at * 8 + (31 - Math.clz32(rest & -rest));
    }
  }
}

function insert(chunk: Chunk, offset: number): void {
  const { list, count } = chunk;
  let low = 0;
  for (let high = count; low < high; ) {
    const middle = (low + high) >>> 1;
    if ((list[middle] ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  if (low < count && list[low] === offset) return;
  if (count === LIST_MAX) {
    setBit(bitmapOf(chunk), offset);
    return;
  }
  if (count === list.length) {
    chunk.list = new Uint16Array(count * 2);
    chunk.list.set(list);
  }
  chunk.list.copyWithin(low + 1, low, count);
  chunk.list[low] = offset;
  chunk.count += 1;
}

function bitmapOf(chunk: Chunk): Uint8Array {
  if (chunk.bitmap !== undefined) return chunk.bitmap;
  const bitmap = new Uint8Array(BITMAP_BYTES);
  for (let at = 0; at < chunk.count; at += 1) setBit(bitmap, chunk.list[at] ?? 0);
  chunk.bitmap = bitmap;
  chunk.list = NO_LIST;
  chunk.count = 0;
  return bitmap;
}

function setBit(bitmap: Uint8Array, offset: number): void {
  const at = offset >>> 3;
  bitmap[at] = (bitmap[at] ?? 0) | (1 << (offset & 7));
}
