// The table of a parent's files gives back what was noted of each, over the borders of its blocks,
// and knows no file that was never added.
import { expect, test } from "vitest";
import type { FileMark } from "../../../../src/database/postgres/file-mark.ts";
import { NO_MARK } from "../../../../src/database/postgres/file-mark.ts";
import { ParentFiles } from "../../../../src/database/postgres/parent-files.ts";

const KINDS = ["none", "identity", "content"] as const;

function markOf(index: number): FileMark {
  const kind = KINDS[index % 3] ?? "none";
  return { state: 0xffff_ffff_ffff_0000n + BigInt(index % 0xffff), kind, value: BigInt(index) };
}

test("150,000 files are found again, and their neighbours are not", () => {
  const files = new ParentFiles();
  const nameOf = (index: number) => `/base/${index % 7}/${index}`;
  for (let index = 0; index < 150_000; index += 1) files.add(nameOf(index), markOf(index));
  expect(files.count).toBe(150_000);
  for (const index of [0, 1, 2, 65_535, 65_536, 65_537, 131_071, 131_072, 149_999]) {
    expect(files.mark(nameOf(index))).toEqual(markOf(index));
    expect(files.has(nameOf(index))).toBe(true);
  }
  for (const name of ["/base/0/1", "/base/3/150000", "", "/", "base/0/0"]) {
    expect(files.has(name)).toBe(false);
    expect(files.mark(name)).toBeUndefined();
  }
});

test("of a name that comes twice the last facts count, and it is one file", () => {
  const files = new ParentFiles();
  files.add("/a", markOf(1));
  files.add("/a", markOf(2));
  expect(files.count).toBe(1);
  expect(files.mark("/a")).toEqual(markOf(2));
});

test("a file without facts has none, like those in a list of WAL-G's", () => {
  const files = new ParentFiles();
  files.add("/é/\u{1f600}");
  expect(files.mark("/é/\u{1f600}")).toEqual(NO_MARK);
});
