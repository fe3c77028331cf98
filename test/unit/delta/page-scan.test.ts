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
      scan.push(joinedPages([madePage(2n), new Uint8Array(PAGE), odd, madePage(2n)]), 10),
    ).toBe(true);
    expect([...scan.blocks]).toEqual([11, 12]);
  });

  test("when it is of an index that was built from sorted input, whose LSN says nothing", () => {
    const scan = new PageScan(toLsn(9n), undefined);
    expect(scan.push(joinedPages([madePage(2n), madePage(1n), madePage(0x1_0000_0001n)]), 0)).toBe(
      true,
    );
    expect([...scan.blocks]).toEqual([1, 2]);
  });

  test("when all see its rows, where that leaves no LSN", () => {
    const hidden = madePage(2n);
    new DataView(hidden.buffer).setUint16(10, 3, true);
    const pages = joinedPages([madePage(2n), hidden, madePage(2n)]);
    const scan = new PageScan(toLsn(9n), undefined, true);
    expect(scan.push(pages, 0)).toBe(true);
    expect([...scan.blocks]).toEqual([0, 2]);
    const usual = new PageScan(toLsn(9n), undefined);
    expect(usual.push(pages, 0)).toBe(true);
    expect([...usual.blocks]).toEqual([]);
  });

  test("when its checksum is wrong, whatever its header says", () => {
    const seen: number[] = [];
    const scan = new PageScan(toLsn(9n), (page, block) => {
      seen.push(block);
      expect(page.words[page.start + 1]).toBe(block === 5 ? 0 : 2);
      return block !== 5;
    });
    const bad = madePage(0n);
    expect(scan.push(joinedPages([madePage(2n), bad, madePage(2n)]), 4)).toBe(true);
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
  const pages = Array.from({ length: 300 }, (_, index) => madePage(BigInt((index % 3) + 2)));
  const file = joinedPages(pages);
  const expected = pages.flatMap((_, index) => (index % 3 === 2 ? [index] : []));
  for (const shift of [0, 1, 4]) {
    const shifted = new Uint8Array(file.byteLength + shift);
    shifted.set(file, shift);
    const scan = new PageScan(toLsn(4n), undefined);
    for (let block = 0; block < 300; block += 7) {
      const end = Math.min(300, block + 7);
      const piece = shifted.subarray(shift + block * PAGE, shift + end * PAGE);
      expect(scan.push(piece, block)).toBe(true);
    }
    expect([...scan.blocks]).toEqual(expected);
  }
});
