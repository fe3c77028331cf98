// Summaries prove a range of WAL only when they tell about every byte of it on its timeline.
import { expect, test } from "vitest";
import { toLsn } from "../../../src/delta/lsn.ts";
import { coverRanges } from "../../../src/delta/wal-summary-cover.ts";
import type { WalSummaryRange } from "../../../src/delta/wal-summary-name.ts";

function range(timeline: number, start: number, end: number): WalSummaryRange {
  return { timeline, startLsn: toLsn(BigInt(start)), endLsn: toLsn(BigInt(end)) };
}

function missing(wanted: WalSummaryRange[], available: WalSummaryRange[]): string | undefined {
  const cover = coverRanges(wanted, available);
  if (cover.kind === "covered") return undefined;
  return `${cover.range.timeline}/${cover.missingLsn}`;
}

test("summaries may touch, overlap, repeat and reach past the range, in any order", () => {
  const exact = [range(1, 20, 30), range(1, 10, 20)];
  const wide = [range(1, 25, 99), range(1, 0, 15), range(1, 12, 26), range(1, 13, 14)];
  expect(missing([range(1, 10, 30)], exact)).toBeUndefined();
  expect(missing([range(1, 10, 30)], wide)).toBeUndefined();
});

test("those that only touch the range, or are of another timeline, are not read", () => {
  const own = range(1, 10, 30);
  const others = [range(1, 0, 10), range(1, 30, 40), range(2, 10, 30)];
  expect(coverRanges([own], [...others, own])).toEqual({ kind: "covered", summaries: [own] });
});

test("the first byte that nothing tells about is named", () => {
  const wanted = [range(1, 10, 30)];
  expect(missing(wanted, [])).toBe("1/10");
  expect(missing(wanted, [range(1, 11, 30)])).toBe("1/10");
  expect(missing(wanted, [range(1, 10, 29)])).toBe("1/29");
  expect(missing(wanted, [range(1, 10, 20), range(1, 21, 30)])).toBe("1/20");
  expect(missing(wanted, [range(2, 10, 30)])).toBe("1/10");
});

test("each timeline needs its own summaries; an empty range needs none", () => {
  const wanted = [range(1, 10, 20), range(2, 20, 20), range(3, 20, 30)];
  expect(missing(wanted, [range(1, 10, 30)])).toBe("3/20");
  expect(missing(wanted, [range(3, 10, 30)])).toBe("1/10");
  expect(missing(wanted, [range(3, 20, 30), range(1, 0, 20)])).toBeUndefined();
  expect(coverRanges([], [])).toEqual({ kind: "covered", summaries: [] });
});
