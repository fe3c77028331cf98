// A set of blocks holds what a plain set holds, whether it is kept as lists, bitmaps or both.
import { expect, test } from "vitest";
import { BITMAP_BYTES, BlockSet } from "../../../src/delta/block-set.ts";
import { seededRandom } from "../../support/random.ts";

test("an empty set has no blocks", () => {
  expect(new BlockSet().between(0, 0xffff_ffff)).toEqual(new Uint32Array(0));
});

test("blocks come sorted, once, and counted from the start", () => {
  const set = new BlockSet();
  for (const block of [70_000, 5, 0xffff_fffe, 5, 65_535, 65_536, 0]) set.add(block);
  expect([...set.between(0, 0xffff_ffff)]).toEqual([0, 5, 65_535, 65_536, 70_000, 0xffff_fffe]);
  expect([...set.between(5, 70_000)]).toEqual([0, 65_530, 65_531]);
  expect([...set.between(65_536, 65_537)]).toEqual([0]);
  expect([...set.between(131_072, 0xffff_fffe)]).toEqual([]);
});

test("a bitmap's lowest bit is its first block", () => {
  const set = new BlockSet();
  const bitmap = new Uint8Array(BITMAP_BYTES);
  bitmap[0] = 0b1000_0001;
  bitmap[BITMAP_BYTES - 1] = 0b1000_0000;
  set.add(65_536 + 3);
  set.addBitmap(1, bitmap);
  set.add(65_536 + 9);
  expect([...set.between(0, 200_000)]).toEqual([65_536, 65_539, 65_543, 65_545, 131_071]);
});

test("holds what a plain set holds, from few to all blocks of a chunk", () => {
  const random = seededRandom(20_261_124);
  for (const count of [1, 4, 5, 1023, 1024, 1025, 1026, 5000, 40_000]) {
    const [set, plain] = [new BlockSet(), new Set<number>()];
    for (let each = 0; each < count; each += 1) {
      const block = random.below(count < 5000 ? 66_000 : 140_000);
      set.add(block);
      plain.add(block);
    }
    const sorted = [...plain].sort((a, b) => a - b);
    expect([...set.between(0, 140_000)]).toEqual(sorted);
    const part = sorted.filter((block) => block >= 1000 && block < 65_900);
    expect([...set.between(1000, 65_900)]).toEqual(part.map((block) => block - 1000));
  }
});
