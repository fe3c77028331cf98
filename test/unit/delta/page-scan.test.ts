// Which pages count as changed: pages made here with LSNs around the limit, new and corrupt ones,
// in any cut of the file.
import { describe, expect, test } from "vitest";
import { toLsn } from "../../../src/delta/lsn.ts";
import { PageScan } from "../../../src/delta/page-scan.ts";

const PAGE = 8192;

/** A page that a server could have written last at this LSN. */
function pageAt(lsn: bigint): Uint8Array {
  const page = new Uint8Array(PAGE).fill(0x5a);
  const view = new DataView(page.buffer);
  view.setUint32(0, Number(lsn >> 32n), true);
  view.setUint32(4, Number(lsn & 0xffff_ffffn), true);
  view.setUint16(8, 0, true);
  view.setUint16(10, 4, true);
  view.setUint16(12, 40, true);
  view.setUint16(14, 8000, true);
  view.setUint16(16, 8192, true);
  view.setUint16(18, 8192 + 4, true);
  return page;
}

function fileOf(pages: readonly Uint8Array[]): Uint8Array {
  const file = new Uint8Array(pages.length * PAGE);
  for (const [index, page] of pages.entries()) file.set(page, index * PAGE);
  return file;
}

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
    expect(scan.push(pageAt(lsn), 0)).toBe(true);
    expect([...scan.blocks]).toEqual(isChanged ? [0] : []);
  });

  test("when it is new, whatever else is in it", () => {
    const odd = new Uint8Array(PAGE).fill(0xff);
    odd.fill(0, 14, 16);
    const scan = new PageScan(toLsn(9n), undefined);
    expect(scan.push(fileOf([pageAt(1n), new Uint8Array(PAGE), odd, pageAt(1n)]), 10)).toBe(true);
    expect([...scan.blocks]).toEqual([11, 12]);
  });

  test("when its checksum is wrong, whatever its header says", () => {
    const seen: number[] = [];
    const scan = new PageScan(toLsn(9n), (page, block) => {
      seen.push(block);
      expect(page.words[page.start + 1]).toBe(block === 5 ? 0 : 1);
      return block !== 5;
    });
    const bad = pageAt(0n);
    expect(scan.push(fileOf([pageAt(1n), bad, pageAt(1n)]), 4)).toBe(true);
    expect([...scan.blocks]).toEqual([5]);
    expect(seen).toEqual([4, 5, 6]);
  });
});

test("a header that no server writes makes the file one to store whole", () => {
  const bad = pageAt(5n);
  bad[11] = 0xff;
  const scan = new PageScan(toLsn(1n), undefined);
  expect(scan.push(fileOf([pageAt(5n), bad, pageAt(5n)]), 0)).toBe(false);
});

test("many pages, given in pieces at odd addresses, give the same blocks", () => {
  const pages = Array.from({ length: 300 }, (_, index) => pageAt(BigInt(index % 3)));
  const file = fileOf(pages);
  const expected = pages.flatMap((_, index) => (index % 3 === 2 ? [index] : []));
  // LSN 0 is none: those pages are made new ones.
  const clean = file.slice();
  for (let index = 0; index < 300; index += 3) {
    clean.set(pageAt(1n), index * PAGE);
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
