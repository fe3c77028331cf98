// Names of WAL summaries are read as the server writes them, and nothing else is taken for one.
import { expect, test } from "vitest";
import { toLsn } from "../../../src/delta/lsn.ts";
import { formatWalSummaryName, parseWalSummaryName } from "../../../src/delta/wal-summary-name.ts";

test("a name is its range, and back", () => {
  const name = "0000000A00000001FF000028FFFFFFFF00000001.summary";
  const range = {
    timeline: 10,
    startLsn: toLsn(0x1_ff00_0028n),
    endLsn: toLsn(0xffff_ffff_0000_0001n),
  };
  expect(parseWalSummaryName(name)).toEqual(range);
  expect(formatWalSummaryName(range)).toBe(name);
});

test.each([
  "temp.summary",
  "0000000a00000001FF000028FFFFFFFF00000001.summary",
  "0000000A00000001FF000028FFFFFFFF0000000.summary",
  "0000000A00000001FF000028FFFFFFFF00000001.summary.tmp",
  "0000000A00000001FF000028FFFFFFFF00000001",
])("%s is none", (name) => {
  expect(parseWalSummaryName(name)).toBeUndefined();
});
