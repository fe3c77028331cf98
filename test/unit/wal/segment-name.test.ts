// Names, numbers and LSNs of segments of every size agree, at the edges of a log file too.
import { expect, test } from "vitest";
import { parseLsn, toLsn } from "../../../src/delta/lsn.ts";
import {
  formatSegmentName,
  isSegmentName,
  isSegmentSize,
  nextSegment,
  parseSegmentName,
  segmentAt,
  segmentBefore,
  segmentStart,
} from "../../../src/wal/segment-name.ts";

const MIB = 1 << 20;

function parse(name: string, segmentBytes: number) {
  if (!isSegmentName(name)) throw new Error(`not a name: ${name}`);
  return parseSegmentName(name, segmentBytes);
}

test("the last segment of a log file is followed by the first of the next", () => {
  for (const [segmentBytes, last] of [
    [MIB, "00000FFF"],
    [16 * MIB, "000000FF"],
    [64 * MIB, "0000003F"],
    [1024 * MIB, "00000003"],
  ] as const) {
    const segment = parse(`0000000A00000001${last}`, segmentBytes);
    if (segment === undefined) throw new Error("no segment");
    const next = formatSegmentName(nextSegment(segment), segmentBytes);
    expect(next).toBe("0000000A0000000200000000");
    const tooHigh = (Number.parseInt(last, 16) + 1).toString(16).toUpperCase().padStart(8, "0");
    expect(parse(`0000000A00000001${tooHigh}`, segmentBytes)).toBeUndefined();
  }
});

test("an LSN lies in the segment that starts at or below it", () => {
  const lsn = parseLsn("1/2000000");
  expect(formatSegmentName(segmentAt(lsn, 3, 16 * MIB), 16 * MIB)).toBe("000000030000000100000002");
  const before = segmentBefore(lsn, 3, 16 * MIB);
  expect(formatSegmentName(before, 16 * MIB)).toBe("000000030000000100000001");
  expect(segmentStart(segmentAt(lsn, 3, 16 * MIB), 16 * MIB)).toBe(lsn);
  expect(segmentBefore(toLsn(0n), 1, MIB).number).toBe(0n);
});

test("only 24 upper-case digits are a name, only powers of two from 1 MiB to 1 GiB a size", () => {
  expect(isSegmentName("0000000A00000001000000FF")).toBe(true);
  for (const text of ["0000000a00000001000000ff", "0000000A00000001000000F", ""]) {
    expect(isSegmentName(text)).toBe(false);
  }
  expect([MIB, 16 * MIB, 1024 * MIB].every(isSegmentSize)).toBe(true);
  expect([0, MIB / 2, 3 * MIB, 2048 * MIB, 1.5 * MIB, -MIB].some(isSegmentSize)).toBe(false);
});
