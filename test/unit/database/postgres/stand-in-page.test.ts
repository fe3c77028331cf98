// Proves that what stands for a page passes the server's checks of a page, by our own reading of
// them; that the server fails on its row is proven by real servers (g42-partial-restore).
import { describe, expect, it } from "vitest";
import { setPageChecksum, standInPage } from "../../../../src/database/postgres/stand-in-page.ts";
import { isPageIntact, PageWindow } from "../../../../src/delta/page-check.ts";
import { hasValidHeader, isNewPage } from "../../../../src/delta/page-header.ts";

describe("a page that stands for another", () => {
  it.each([3, 730, 5_000_000, 4_000_000_000])("has a transaction from before %i", (oldest) => {
    const page = standInPage(oldest);
    const transaction = new DataView(page.buffer).getUint32(32, true);
    // The server compares in a circle of 2^32.
    const distance = (oldest - transaction) >>> 0;
    expect(distance).toBeGreaterThan(1 << 20);
    expect(distance).toBeLessThanOrEqual(2 << 20);
    expect(transaction & 3).toBe(3);
  });

  it("has a header that the server accepts, no room, and its checksum", () => {
    const page = standInPage(730);
    const words = new Int32Array(page.buffer);
    expect(isNewPage(words, 0)).toBe(false);
    expect(hasValidHeader(words, 0)).toBe(true);
    const view = new DataView(page.buffer);
    expect(view.getUint16(14, true) - view.getUint16(12, true)).toBeLessThan(8);
    for (const block of [0, 7, 131_072]) {
      setPageChecksum(page, block);
      const window = new PageWindow(page.byteLength);
      expect(isPageIntact(window.wordsOf(page), block)).toBe(true);
      expect(isPageIntact(window.wordsOf(page), block + 1)).toBe(false);
    }
  });
});
