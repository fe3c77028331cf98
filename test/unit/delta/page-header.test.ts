// Proves the page header's fields on pages of a server, and the rules for new and valid pages on
// headers that break one rule each.
import { describe, expect, test } from "vitest";
import { isNewPage, isValidPage, readPageHeader } from "../../../src/delta/page-header.ts";
import { samplePages } from "../../support/pages.ts";

function viewOf(page: Uint8Array): DataView {
  return new DataView(page.buffer, page.byteOffset, page.byteLength);
}

test("reads what the server wrote", async () => {
  for (const page of await samplePages()) {
    const header = readPageHeader(viewOf(page));
    expect(header.pageSizeVersion).toBe(0x2004);
    expect(header.special).toBe(8192);
    expect(isValidPage(header, 8192)).toBe(true);
    expect(isNewPage(header)).toBe(false);
  }
});

test("reads a page that does not start at the view's beginning", async () => {
  const [first, second] = await samplePages();
  const both = new Uint8Array(16384);
  both.set(first ?? []);
  both.set(second ?? [], 8192);
  const expected = readPageHeader(viewOf(second ?? new Uint8Array(8192)));
  expect(readPageHeader(viewOf(both), 8192)).toEqual(expected);
});

describe("a page is not valid", () => {
  const good = {
    lsnHigh: 0,
    lsnLow: 0x1234,
    checksum: 1,
    flags: 0,
    lower: 24,
    upper: 8000,
    special: 8192,
    pageSizeVersion: 0x2004,
  };
  test.each([
    ["with an unknown flag", { flags: 8 }],
    ["when its header is too short", { lower: 20 }],
    ["when free space is negative", { lower: 8001 }],
    ["when free space ends past the special space", { upper: 8193, special: 8192 }],
    ["when the special space lies outside", { special: 8200 }],
    ["without an LSN", { lsnLow: 0 }],
    ["of another size", { pageSizeVersion: 0x4004 }],
    ["of a later layout", { pageSizeVersion: 0x2006 }],
  ])("%s", (_name, change) => {
    expect(isValidPage(good, 8192)).toBe(true);
    expect(isValidPage({ ...good, ...change }, 8192)).toBe(false);
  });
});
