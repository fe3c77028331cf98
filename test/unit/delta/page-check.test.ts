// Proves which pages count as intact: what the server wrote, and pages of zeros; a page that is
// damaged in any byte, lies at another block, or only claims to be new, does not.
import { expect, test } from "vitest";
import { isPageIntact, PageWindow } from "../../../src/delta/page-check.ts";
import { samplePages } from "../../support/pages.ts";
import { seededRandom } from "../../support/random.ts";

const window = new PageWindow(8192);

function isIntact(page: Uint8Array, block: number): boolean {
  return isPageIntact(window.wordsOf(page), block);
}

test("accepts every page that a server wrote, at its own block only", async () => {
  for (const [block, page] of (await samplePages()).entries()) {
    expect(isIntact(page, block)).toBe(true);
    expect(isIntact(page, block + 1)).toBe(false);
  }
});

test("accepts a page at any address in memory", async () => {
  const [page] = await samplePages();
  const shifted = new Uint8Array(8192 + 7);
  shifted.set(page ?? [], 7);
  expect(isIntact(shifted.subarray(7), 0)).toBe(true);
});

test("refuses a page with a flipped bit anywhere", async () => {
  const [page] = await samplePages();
  const random = seededRandom(7);
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const damaged = (page ?? new Uint8Array(8192)).slice();
    const at = random.below(damaged.byteLength);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << random.below(8));
    expect(isIntact(damaged, 0)).toBe(false);
  }
});

test("takes zeros for a new page, and nothing else that says it is new", () => {
  const page = new Uint8Array(8192);
  expect(isIntact(page, 5)).toBe(true);
  page[8191] = 1;
  expect(isIntact(page, 5)).toBe(false);
});
