// Marks come back as they were set, over the borders of the blocks, and cost 17 bytes each.
import { expect, test } from "vitest";
import { type FileMark, NO_MARK } from "../../../../src/database/postgres/file-mark.ts";
import { MarkColumns } from "../../../../src/database/postgres/mark-columns.ts";

const KINDS = ["none", "identity", "content"] as const;

function markOf(number: number): FileMark {
  const kind = KINDS[number % 3] ?? "none";
  return { state: 0xffff_ffff_ffff_ffffn - BigInt(number), kind, value: BigInt(number) << 40n };
}

test("200,000 marks, each for itself", () => {
  const marks = new MarkColumns();
  for (let number = 0; number < 200_000; number += 1) marks.set(number, markOf(number));
  for (const number of [0, 1, 65_535, 65_536, 131_071, 131_072, 199_999]) {
    expect(marks.get(number)).toEqual(markOf(number));
  }
  expect(marks.heldBytes()).toBe(4 * 65_536 * 17);
  marks.set(65_536, NO_MARK);
  expect(marks.get(65_536)).toEqual(NO_MARK);
  expect(marks.get(65_535)).toEqual(markOf(65_535));
});

test("where none was set there is none", () => {
  const marks = new MarkColumns();
  expect(marks.get(70_000)).toEqual(NO_MARK);
  marks.set(70_000, markOf(1));
  expect(marks.get(0)).toEqual(NO_MARK);
});
