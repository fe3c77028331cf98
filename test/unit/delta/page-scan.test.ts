// Which pages count as changed: pages made here with LSNs around the limit, new and corrupt ones,
// in any cut of the file.
import { describe, expect, test } from "vitest";
import { toLsn } from "../../../src/delta/lsn.ts";
import { PageScan } from "../../../src/delta/page-scan.ts";
import { joinedPages, madePage } from "../../support/pages.ts";

const PAGE = 8192;

describe("a page counts as changed", () => {
  test.each<[bigint, bigint, boolean]>([
    [0x1_0000_0000n, 0x1_0000_0000n, true],
    [0x1_0000_0000n, 0xffff_ffffn, false],
    [0x1_0000_0000n, 0x1_0000_0001n, true],
    // The halves are compared as unsigned numbers.
    [0x7fff_ffffn, 0x8000_0000n, true],
    [0x8000_0000n, 0x7fff_ffffn, false],
    [0x7fff_ffff_0000_0000n, 0x8000_0000_0000_0000n, true],
    [0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn, false],
    [0x2_0000_0001n, 0x2_0000_0000n, false],
    [0x2_ffff_ffffn, 0x3_0000_0000n, true],
  ])("from LSN %x: one of %x: %s", (since, lsn, isChanged) => {
    const scan = new PageScan(toLsn(since), undefined);
    expect(scan.push(madePage(lsn), 0)).toBe(true);
    expect([...scan.blocks]).toEqual(isChanged ? [0] : []);
  });

  test("when it is new, whatever else is in it", () => {
    const odd = new Uint8Array(PAGE).fill(0xff);
    odd.fill(0, 14, 16);
    const scan = new PageScan(toLsn(9n), undefined);
    expect(
      scan.push(joinedPages([madePage(1n), new Uint8Array(PAGE), odd, madePage(1n)]), 10),
    ).toBe(true);
    expect([...scan.blocks]).toEqual([11, 12]);
  });

  test("when its checksum is wrong, whatever its header says", () => {
    const seen: number[] = [];
    const scan = new PageScan(toLsn(9n), (page, block) => {
      seen.push(block);
      expect(page.words[page.start + 1]).toBe(block === 5 ? 0 : 1);
      return block !== 5;
    });
    const bad = madePage(0n);
    expect(scan.push(joinedPages([madePage(1n), bad, madePage(1n)]), 4)).toBe(true);
    expect([...scan.blocks]).toEqual([5]);
    expect(seen).toEqual([4, 5, 6]);
  });
});

test("a header that no server writes makes the file one to store whole", () => {
  const bad = madePage(5n);
  bad[11] = 0xff;
  const scan = new PageScan(toLsn(1n), undefined);
  expect(scan.push(joinedPages([madePage(5n), bad, madePage(5n)]), 0)).toBe(false);
});

test("many pages, given in pieces at odd addresses, give the same blocks", () => {
  const pages = Array.from({ length: 300 }, (_, index) => madePage(BigInt(index % 3)));
  const file = joinedPages(pages);
  const expected = pages.flatMap((_, index) => (index % 3 === 2 ? [index] : []));
  // LSN 0 is none: those pages are made new ones.
  const clean = file.slice();
  for (let index = 0; index < 300; index += 3) {
    clean.set(madePage(1n), index * PAGE);
  }
  for (const shift of [0, 1, 4]) {
    const shifted = new Uint8Array(clean.byteLength + shift);
    shifted.set(clean, shift);
    const scan = new PageScan(toLsn(2n), undefined);
    for (let block = 0; block < 300; block += 7) {
      const end = Math.min(300, block + 7);
      const piece = shifted.subarray(shift + block * PAGE, shift + end * PAGE);
      expect(scan.push(piece, block)).toBe(true);
    }
    expect([...scan.blocks]).toEqual(expected);
  }
});
