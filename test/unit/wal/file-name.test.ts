// The kinds of WAL files are told apart by name, and nothing else passes for one.
import { expect, test } from "vitest";
import { historyFileName, parseWalFileName, segmentOfObject } from "../../../src/wal/file-name.ts";

const SEGMENT = "0000000A00000001000000FF";

test.each([
  [SEGMENT, "segment"],
  [`${SEGMENT}.partial`, "partial"],
  [`${SEGMENT}.00000028.backup`, "backup"],
  ["0000000A.history", "history"],
])("%s is a %s", (name, kind) => {
  expect(parseWalFileName(name)).toMatchObject({ kind, timeline: 10 });
});

test.each([
  "",
  SEGMENT.toLowerCase(),
  SEGMENT.slice(1),
  `${SEGMENT}0`,
  `${SEGMENT}.partial.lz4`,
  `${SEGMENT}.backup`,
  `${SEGMENT}.0000002.backup`,
  `${SEGMENT}.tmp`,
  `x${SEGMENT}`,
  "0000000a.history",
  "A.history",
  "0000000A.history.tmp",
  "RECOVERYXLOG",
  "archive_status",
])("%j is none", (name) => {
  expect(parseWalFileName(name)).toBeUndefined();
});

test("an object of the archive counts as a segment only under a codec's extension", () => {
  for (const suffix of ["", ".", ".lz4", ".zst", ".br", ".lzma", ".gz", ".lzo"]) {
    expect(segmentOfObject(SEGMENT + suffix)).toBe(SEGMENT);
  }
  for (const suffix of [
    ".json",
    ".partial",
    ".partial.zst",
    "_delta.lz4",
    ".00000028.backup.zst",
  ]) {
    expect(segmentOfObject(SEGMENT + suffix)).toBeUndefined();
  }
});

test("the name of a timeline's history has eight digits", () => {
  expect(historyFileName(0x1b)).toBe("0000001B.history");
});
