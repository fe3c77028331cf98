// Headers that PostgreSQL wrote are valid, and with any single rule broken they are not.
import { describe, expect, test } from "vitest";
import { hasValidHeader, isAllVisible, isNewPage } from "../../../src/delta/page-header.ts";
import { samplePages } from "../../support/pages.ts";

const PAGES = await samplePages();
const WORDS = 8192 / 4;

function wordsOf(change: (view: DataView) => void): Int32Array {
  const page = PAGES[0]?.slice() ?? new Uint8Array(0);
  change(new DataView(page.buffer));
  return new Int32Array(page.buffer);
}

test("pages of a server are valid and not new, wherever they lie in a buffer", () => {
  const all = new Uint8Array(PAGES.length * 8192);
  for (const [index, page] of PAGES.entries()) all.set(page, index * 8192);
  const words = new Int32Array(all.buffer);
  for (let index = 0; index < PAGES.length; index += 1) {
    expect(hasValidHeader(words, index * WORDS)).toBe(true);
    expect(isNewPage(words, index * WORDS)).toBe(false);
  }
});

test.each([0x4, 0x5, 0x7])("a page with flags %i is all-visible", (flags) => {
  expect(
    isAllVisible(
      wordsOf((view) => view.setUint16(10, flags, true)),
      0,
    ),
  ).toBe(true);
  expect(
    isAllVisible(
      wordsOf((view) => view.setUint16(10, flags & ~4, true)),
      0,
    ),
  ).toBe(false);
});

test("a page of zeros is new, and its header is none", () => {
  const words = new Int32Array(WORDS);
  expect(isNewPage(words, 0)).toBe(true);
  expect(hasValidHeader(words, 0)).toBe(false);
});

describe("a header is not one of a server", () => {
  test.each<[string, (view: DataView) => void]>([
    ["with a flag that no server knows", (view) => view.setUint16(10, 0x0008, true)],
    ["with data before the end of the header", (view) => view.setUint16(12, 23, true)],
    ["with its bounds crossed", (view) => view.setUint16(14, 24, true)],
    ["with the special space before the data", (view) => view.setUint16(16, 30, true)],
    ["with the special space past the page", (view) => view.setUint16(16, 8193, true)],
    ["without LSN", (view) => view.setBigUint64(0, 0n, true)],
    ["of another page size", (view) => view.setUint16(18, 16_384 + 4, true)],
    ["of a later layout", (view) => view.setUint16(18, 8192 + 6, true)],
  ])("%s", (_, change) => {
    expect(hasValidHeader(wordsOf(change), 0)).toBe(false);
  });
});

test("an LSN counts with either half alone", () => {
  expect(
    hasValidHeader(
      wordsOf((view) => view.setUint32(0, 0, true)),
      0,
    ),
  ).toBe(true);
  const highOnly = (view: DataView) => {
    view.setUint32(0, 7, true);
    view.setUint32(4, 0, true);
  };
  expect(hasValidHeader(wordsOf(highOnly), 0)).toBe(true);
});
