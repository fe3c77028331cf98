// Groups of 16 segments begin at multiples of 16, whatever a segment's size does to its name.
import { expect, test } from "vitest";
import { deltaMapName, groupNames, groupStart } from "../../../src/wal/segment-group.ts";

const MIB = 1 << 20;

test("a group begins at a multiple of 16", () => {
  expect([0n, 15n, 16n, 31n, 259n].map(groupStart)).toEqual([0n, 0n, 16n, 16n, 256n]);
});

test("names a map after the group's first segment, as WAL-G does", () => {
  expect(deltaMapName({ timeline: 1, number: 32n }, 16 * MIB)).toBe(
    "000000010000000000000020_delta",
  );
});

test("a group of large segments goes on in the next log", () => {
  const names = groupNames({ timeline: 3, number: 16n }, 1 << 30);
  expect(names.length).toBe(16);
  expect(names.slice(3, 5)).toEqual(["000000030000000400000003", "000000030000000500000000"]);
});
