// Proves the receipts' hash of a file: the same for any chunking, its definition held against
// xxHash3 of the parts, and every leaf seen once, whole and in order.
import { describe, expect, test } from "vitest";
import {
  ContentHasher,
  PAGE_LEAF_BYTES,
  PLAIN_LEAF_BYTES,
} from "../../../src/stream/content-hash.ts";
import { seededRandom } from "../../support/random.ts";

function sample(sizeBytes: number): Uint8Array {
  const random = seededRandom(sizeBytes);
  return Uint8Array.from({ length: sizeBytes }, () => random.below(256));
}

function digestOf(content: Uint8Array, leafBytes: number, chunkBytes: () => number) {
  const hasher = new ContentHasher(leafBytes);
  for (let offset = 0; offset < content.byteLength; ) {
    const end = Math.min(content.byteLength, offset + chunkBytes());
    hasher.update(content.subarray(offset, end));
    offset = end;
  }
  return hasher.digest();
}

describe.each([0, 1, 8191, 8192, 8193, 24576, 100_000])("content of %d bytes", (sizeBytes) => {
  const content = sample(sizeBytes);
  const whole = digestOf(content, PAGE_LEAF_BYTES, () => sizeBytes || 1);

  test("has the same hash in any chunks", () => {
    const random = seededRandom(sizeBytes + 1);
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const again = digestOf(content, PAGE_LEAF_BYTES, () => 1 + random.below(20_000));
      expect(again).toEqual(whole);
    }
  });

  test("is hashed as it is defined", () => {
    const leaves: bigint[] = [];
    for (let offset = 0; offset < Math.max(1, sizeBytes); offset += PAGE_LEAF_BYTES) {
      leaves.push(BigInt(Bun.hash.xxHash3(content.subarray(offset, offset + PAGE_LEAF_BYTES))));
    }
    expect([...whole.leaves]).toEqual(leaves);
    const bytes = new Uint8Array(new BigUint64Array(leaves).buffer);
    const root = leaves.length === 1 ? leaves[0] : BigInt(Bun.hash.xxHash3(bytes));
    expect(whole.hash).toBe(root);
  });
});

test("a file that fits one plain leaf has simply its xxHash3", () => {
  const content = sample(100_000);
  const { hash } = digestOf(content, PLAIN_LEAF_BYTES, () => 999);
  expect(hash).toBe(BigInt(Bun.hash.xxHash3(content)));
});

test("a changed byte changes the hash and only its own leaf", () => {
  const content = sample(5 * PAGE_LEAF_BYTES);
  const before = digestOf(content, PAGE_LEAF_BYTES, () => 4096);
  content[3 * PAGE_LEAF_BYTES] = (content[3 * PAGE_LEAF_BYTES] ?? 0) ^ 1;
  const after = digestOf(content, PAGE_LEAF_BYTES, () => 4096);
  expect(after.hash).not.toBe(before.hash);
  const changed = [...after.leaves].flatMap((leaf, index) =>
    leaf === before.leaves[index] ? [] : [index],
  );
  expect(changed).toEqual([3]);
});

test("shows every leaf whole, across chunk borders", () => {
  const content = sample(3 * PAGE_LEAF_BYTES + 10);
  const seen: number[] = [];
  const joined: number[] = [];
  const hasher = new ContentHasher(PAGE_LEAF_BYTES, content.byteLength, (leaf, index) => {
    seen.push(index);
    joined.push(...leaf);
  });
  for (let offset = 0; offset < content.byteLength; offset += 1000) {
    hasher.update(content.subarray(offset, offset + 1000));
  }
  hasher.digest();
  expect(seen).toEqual([0, 1, 2, 3]);
  expect(Uint8Array.from(joined)).toEqual(content);
});
