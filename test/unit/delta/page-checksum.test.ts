// Proves the page checksum on pages that a real server wrote: every page of a fixture's relation
// carries the checksum that we compute, and no other block number or byte gives the same.
import { describe, expect, test } from "vitest";
import { pageChecksum as checksumOf } from "../../../src/delta/page-checksum.ts";
import { samplePages } from "../../support/pages.ts";

const PAGE_BYTES = 8192;

function pageChecksum(words: Int32Array, block: number): number {
  return checksumOf({ words, start: 0, count: words.length }, block);
}

function wordsOf(page: Uint8Array): Int32Array {
  const copy = page.slice();
  return new Int32Array(copy.buffer);
}

function storedChecksum(page: Uint8Array): number {
  return (page[8] ?? 0) | ((page[9] ?? 0) << 8);
}

describe("pageChecksum", () => {
  test("gives what the server stored in each of its pages", async () => {
    const pages = await samplePages();
    expect(pages.length).toBeGreaterThan(10);
    for (const [block, page] of pages.entries()) {
      expect(pageChecksum(wordsOf(page), block)).toBe(storedChecksum(page));
    }
  });

  test("depends on the block number", async () => {
    const [page] = await samplePages();
    const words = wordsOf(page ?? new Uint8Array(PAGE_BYTES));
    expect(pageChecksum(words, 0)).not.toBe(pageChecksum(words, 1));
  });

  test("notices a flipped bit in any word but the checksum itself", async () => {
    const [page] = await samplePages();
    const words = wordsOf(page ?? new Uint8Array(PAGE_BYTES));
    const right = pageChecksum(words, 0);
    for (let index = 0; index < words.length; index += 1) {
      const word = words[index] ?? 0;
      words[index] = word ^ (1 << (16 + (index % 16)));
      expect(pageChecksum(words, 0)).not.toBe(right);
      words[index] = word;
    }
  });

  test("does not depend on the stored checksum, and leaves the page as it was", async () => {
    const [page] = await samplePages();
    const words = wordsOf(page ?? new Uint8Array(PAGE_BYTES));
    const right = pageChecksum(words, 0);
    words[2] = (words[2] ?? 0) ^ 0x1234;
    const changed = words.slice();
    expect(pageChecksum(words, 0)).toBe(right);
    expect(words).toEqual(changed);
  });

  test("works in the middle of a buffer, and leaves the neighbours alone", async () => {
    const [first, second] = await samplePages();
    const both = new Int32Array(3 * 2048);
    both.set(wordsOf(first ?? new Uint8Array(PAGE_BYTES)), 1024);
    both.set(wordsOf(second ?? new Uint8Array(PAGE_BYTES)), 1024 + 2048);
    const before = both.slice();
    const page = { words: both, start: 1024 + 2048, count: 2048 };
    expect(checksumOf(page, 1)).toBe(storedChecksum(second ?? new Uint8Array(PAGE_BYTES)));
    expect(both).toEqual(before);
  });
});
