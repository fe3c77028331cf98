// The WAL between two backups is found along the timelines, and only for a parent on the way.
import { expect, test } from "vitest";
import { walBetween } from "../../../../src/database/postgres/summary-ranges.ts";
import { toLsn } from "../../../../src/delta/lsn.ts";
import type { TimelineHistory } from "../../../../src/wal/timeline-history.ts";

const lsn = (value: number) => toLsn(BigInt(value));

function between(
  [timeline, start]: readonly [number, number],
  [ownTimeline, ownStart]: readonly [number, number],
  history?: TimelineHistory,
) {
  const found = walBetween(
    { timeline, startLsn: lsn(start) },
    { timeline: ownTimeline, startLsn: lsn(ownStart) },
    history,
  );
  return found.fault ?? found.ranges.map((range) => Object.values(range).map(Number));
}

const HISTORY: TimelineHistory = {
  timeline: 5,
  ancestors: [
    { timeline: 1, switchLsn: lsn(100), reason: "" },
    { timeline: 3, switchLsn: lsn(100), reason: "" },
    { timeline: 4, switchLsn: lsn(200), reason: "" },
  ],
};

test("on one timeline it is the one stretch", () => {
  expect(between([1, 10], [1, 30])).toEqual([[1, 10, 30]]);
  expect(between([1, 30], [1, 30])).toEqual([[1, 30, 30]]);
  expect(between([5, 210], [5, 230], HISTORY)).toEqual([[5, 210, 230]]);
});

test("over switches it is a stretch of each timeline, empty ones too", () => {
  expect(between([1, 10], [5, 230], HISTORY)).toEqual([
    [1, 10, 100],
    [3, 100, 100],
    [4, 100, 200],
    [5, 200, 230],
  ]);
});

test.each([
  [[2, 10], [5, 230], HISTORY, "timeline 2 of the parent does not lead to 5"],
  [[2, 10], [1, 30], undefined, "timeline 2 of the parent does not lead to 1"],
  [[1, 10], [6, 230], HISTORY, "timeline 1 of the parent does not lead to 6"],
  [[4, 90], [5, 230], HISTORY, /out of order/],
  [[4, 110], [5, 199], HISTORY, /out of order/],
  [[1, 40], [1, 30], undefined, /out of order/],
] as const)("parent %j, start %j, history %o: %s", (parent, start, history, fault) => {
  const found = between(parent, start, history);
  if (typeof fault === "string") expect(found).toBe(fault);
  else expect(found).toMatch(fault);
});
