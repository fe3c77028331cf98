// Timeline histories are read as the server writes them, and refused when they contradict.
import { expect, test } from "vitest";
import { parseLsn } from "../../../src/delta/lsn.ts";
import {
  isAncestor,
  parseTimelineHistory,
  switchPointOf,
} from "../../../src/wal/timeline-history.ts";

const TEXT =
  "1\t0/B000000\tno recovery target specified\n" + "\n3\t1/60\tbefore 2026-11-24 02:18:48+00\n";
const history = parseTimelineHistory(TEXT, { timeline: 4, name: "00000004.history" });

function parse(text: string, timeline = 4) {
  return parseTimelineHistory(text, { timeline, name: "x.history" });
}

test("reads ancestors, switch points and reasons", () => {
  expect(history.ancestors).toEqual([
    { timeline: 1, switchLsn: parseLsn("0/B000000"), reason: "no recovery target specified" },
    { timeline: 3, switchLsn: parseLsn("1/60"), reason: "before 2026-11-24 02:18:48+00" },
  ]);
});

test("accepts comments, spaces, empty lines, a missing reason and a missing last line end", () => {
  expect(parse("# made by hand\n\n 1 0/1 \r\n2 0/2 x").ancestors).toMatchObject([
    { timeline: 1, reason: "" },
    { timeline: 2, reason: "x" },
  ]);
});

test("tells where a timeline was left", () => {
  expect(switchPointOf(history, 1)).toBe(parseLsn("0/B000000"));
  expect(switchPointOf(history, 4)).toBeUndefined();
  expect(() => switchPointOf(history, 2)).toThrow(/no ancestor/);
});

test("an LSN is on the way only before its timeline was left", () => {
  expect(isAncestor(history, 1, parseLsn("0/B000000"))).toBe(true);
  expect(isAncestor(history, 1, parseLsn("0/B000001"))).toBe(false);
  expect(isAncestor(history, 2, parseLsn("0/1"))).toBe(false);
  expect(isAncestor(history, 4, parseLsn("FF/0"))).toBe(true);
});

test.each([
  ["", "names no parent"],
  ["# nothing\n", "names no parent"],
  ["1", "not a history line"],
  ["x\t0/1\ty", "not a history line"],
  ["1\t0-1\ty", "not a history line"],
  ["1\t0/123456789\ty", "not a history line"],
  ["0\t0/1\ty", "cannot be an ancestor"],
  ["4\t0/1\ty", "cannot be an ancestor"],
  ["2\t0/1\ty\n1\t0/2\ty", "out of order"],
  ["1\t0/1\ty\n1\t0/2\ty", "out of order"],
  ["1\t0/2\ty\n2\t0/1\ty", "out of order"],
])("refuses %j", (text, reason) => {
  expect(() => parse(text)).toThrow(reason);
});
