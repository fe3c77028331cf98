import { assert } from "../base/assert.ts";

// The server's page checksum (src/include/storage/checksum_impl.h): 32 lanes of a modified
// FNV-1a over the page as 32-bit little-endian words, the checksum field taken as zero; two more
// rounds of zeros; the lanes XOR-folded; XOR with the block number; modulo 65535, plus 1.

const LANES = 32;
const PRIME = 16777619;
const CHECKSUM_OFFSET_BYTES = 8;
const CHECKSUM_WORD = CHECKSUM_OFFSET_BYTES / 4;

const LANE_OFFSETS = new Int32Array([
  0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a, 0x79ff467a, 0x9bb9f8a3, 0x217e7cd2, 0x83e13d2c,
  0xf8d4474f, 0xe39eb970, 0x42c6ae16, 0x993216fa, 0x7b093b5d, 0x98daff3c, 0xf718902a, 0x0b1c9cdb,
  0xe58f764b, 0x187636bc, 0x5d7b3bb1, 0xe73de7de, 0x92bec979, 0xcca6c0b2, 0x304a0979, 0x85aa43d4,
  0x783125bb, 0x6ca8eaa2, 0xe407eac6, 0x4b5cfc3e, 0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756,
]);

/** Pages are read as 32-bit words, in place: one view serves a whole buffer of pages. */
export interface PageWords {
  readonly words: Int32Array;
  /** Index of the page's first word. */
  readonly start: number;
  /** Words of a page, a multiple of 32: 2048 for 8 KiB. */
  readonly count: number;
}

/**
 * The checksum that a page with this block number must carry: 1 … 65535.
 * `blockNumber`: within the relation fork, across its 1 GiB segments. Source: checksum_impl.h,
 * pg_checksum_page.
 */
export function pageChecksum({ words, start, count }: PageWords, blockNumber: number): number {
  assert(count % LANES === 0, "a page is a multiple of 128 bytes");
  const end = start + count;
  // The stored checksum is the low half of its word; the server hashes it as zero.
  const checksumWord = words[start + CHECKSUM_WORD] ?? 0;
  words[start + CHECKSUM_WORD] = checksumWord & 0xffff0000;
  let folded = 0;
  // Four lanes at a time, so that their state stays in registers.
  for (let lane = 0; lane < LANES; lane += 4) {
    let a = LANE_OFFSETS[lane] ?? 0;
    let b = LANE_OFFSETS[lane + 1] ?? 0;
    let c = LANE_OFFSETS[lane + 2] ?? 0;
    let d = LANE_OFFSETS[lane + 3] ?? 0;
    for (let index = start + lane; index < end; index += LANES) {
      a ^= words[index] ?? 0;
      a = Math.imul(a, PRIME) ^ (a >>> 17);
      b ^= words[index + 1] ?? 0;
      b = Math.imul(b, PRIME) ^ (b >>> 17);
      c ^= words[index + 2] ?? 0;
      c = Math.imul(c, PRIME) ^ (c >>> 17);
      d ^= words[index + 3] ?? 0;
      d = Math.imul(d, PRIME) ^ (d >>> 17);
    }
    for (let round = 0; round < 2; round += 1) {
      a = Math.imul(a, PRIME) ^ (a >>> 17);
      b = Math.imul(b, PRIME) ^ (b >>> 17);
      c = Math.imul(c, PRIME) ^ (c >>> 17);
      d = Math.imul(d, PRIME) ^ (d >>> 17);
    }
    folded ^= a ^ b ^ c ^ d;
  }
  words[start + CHECKSUM_WORD] = checksumWord;
  return (((folded ^ blockNumber) >>> 0) % 65535) + 1;
}
