// Proves which objects of an archive belong to a range of WAL, and that a missing segment is found
// wherever it is missing, by removing each one in turn.
import { expect, test } from "vitest";
import {
  HoleFinder,
  isDeltaMap,
  isInRange,
  isTimelineHistory,
  type WalRange,
} from "../../../src/wal/archived-range.ts";
import { formatSegmentName, type SegmentName } from "../../../src/wal/segment-name.ts";

const MIB = 1 << 20;
const name = (number: number, timeline = 1): SegmentName =>
  formatSegmentName({ timeline, number: BigInt(number) }, 16 * MIB);
const range = (first: number, last: number | undefined): WalRange => ({
  first: name(first),
  last: last === undefined ? undefined : name(last),
  segmentBytes: 16 * MIB,
});

test("takes what begins with the name of a segment in the range", () => {
  const among = (object: string) => isInRange(object, range(16, 17));
  for (const suffix of ["", ".zst", ".00000028.backup.lz4", ".partial", ".json", "_delta.zst"]) {
    expect(
      [15, 16, 17, 18].map((number) => among(name(number) + suffix)),
      suffix,
    ).toEqual([false, true, true, false]);
  }
  expect(among(`${name(16).slice(0, 23)}.json`)).toBe(true);
  expect(among(`${name(15).slice(0, 23)}.json`)).toBe(false);
  expect(among(`${name(16, 2)}.zst`)).toBe(false);
  expect(isInRange(`${name(3, 2)}.zst`, range(16, undefined))).toBe(true);
});

test("tells histories and maps from the rest", () => {
  expect(["00000002.history", "0000000A.history.lz4"].every(isTimelineHistory)).toBe(true);
  expect([name(1), "0000000a.history", "00000002.historyx"].some(isTimelineHistory)).toBe(false);
  expect([`${name(0)}_delta`, `${name(16)}_delta.lz4`].every(isDeltaMap)).toBe(true);
  expect([name(0), `${name(0)}.lz4`, `${name(0)}_delta_x`].some(isDeltaMap)).toBe(false);
});

test("finds any missing segment, also where the log number changes", () => {
  const whole = Array.from({ length: 8 }, (_, index) => 252 + index);
  for (const last of [259, undefined]) {
    for (const missing of [undefined, ...whole]) {
      const finder = new HoleFinder(range(252, last));
      finder.add(`${name(250)}.zst`);
      for (const number of whole) if (number !== missing) finder.add(`${name(number)}.zst`);
      // Without a last segment nobody can know that there was one.
      const isFound = missing !== undefined && !(last === undefined && missing === 259);
      const hole = finder.finish()?.segment;
      expect(hole, `${missing} of ${last}`).toBe(isFound ? name(missing) : undefined);
    }
  }
});

test("counts no other object for a segment, and goes on with each timeline anew", () => {
  const finder = new HoleFinder(range(2, undefined));
  for (const object of [`${name(2)}.lz4`, `${name(2)}.zst`, `${name(3)}.partial`, name(9, 2)]) {
    finder.add(object);
  }
  expect(finder.finish()).toBeUndefined();
  finder.add(`${name(11, 2)}.zst`);
  expect(finder.finish()?.segment).toBe(name(10, 2));
});
