// Maps of changed blocks: one that WAL-G wrote is read, ours are written and read back in any
// chunks, and every beginning of one, and every other kind of damage, is refused.
import { expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { DeltaMapReader, encodeDeltaMap } from "../../../src/delta/delta-map.ts";
import { ChangeLog } from "../../support/change-log.ts";
import { goldenDeltaMap } from "../../support/golden-delta-map.ts";

function read(bytes: Uint8Array, chunkBytes = bytes.byteLength) {
  const changes = new ChangeLog();
  const reader = new DeltaMapReader("map", changes);
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) {
    reader.update(bytes.subarray(at, at + chunkBytes));
  }
  const { isMarked, rest } = reader.finish();
  return { isMarked, rest: [...rest], entries: changes.entries };
}

const OURS = encodeDeltaMap({
  blocks: Uint32Array.of(1663, 5, 16384, 7, 1663, 5, 16384, 4_000_000_000),
  limits: Uint32Array.of(1663, 5, 16390, 44, 1700, 6, 0, 0, 0, 0, 0, 0),
  rest: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9),
});
const SAID = {
  isMarked: true,
  rest: [1, 2, 3, 4, 5, 6, 7, 8, 9],
  entries: [
    "1663/5/16384:7",
    "1663/5/16384:4000000000",
    "1663/5/16390:44+",
    "1700/6/0:0+",
    "0/0/0:0+",
  ],
};

test("reads a map of WAL-G's", async () => {
  const { isMarked, rest, entries } = read(await goldenDeltaMap());
  expect({ isMarked, rest, count: entries.length }).toEqual({
    isMarked: false,
    rest: [],
    count: 700,
  });
  expect(new Set(entries)).toEqual(
    new Set([59, 60, 61, 62].map((block) => `1663/1/16395:${block}`)),
  );
});

test("reads back what it wrote, in chunks of any size", () => {
  for (let chunkBytes = 1; chunkBytes <= OURS.byteLength; chunkBytes += 1) {
    expect(read(OURS, chunkBytes), `chunks of ${chunkBytes}`).toEqual(SAID);
  }
});

test("an empty map says that nothing changed", () => {
  const nothing = new Uint32Array(0);
  const map = encodeDeltaMap({ blocks: nothing, limits: nothing, rest: new Uint8Array(0) });
  expect(read(map)).toEqual({ isMarked: true, rest: [], entries: [] });
});

test("refuses every beginning of a map, and bytes after its end", () => {
  for (let size = 0; size < OURS.byteLength; size += 1) {
    expect(() => read(OURS.subarray(0, size), 7), `${size} bytes`).toThrow(CorruptObjectError);
  }
  expect(() => read(Uint8Array.of(...OURS, 0))).toThrow(/follow the end/);
});

test.each([
  ["of no relation", [1663, 5, 0, 7, 0, 0, 0, 0, 0], "of no relation"],
  ["of no tablespace", [0, 5, 16384, 7, 0, 0, 0, 0, 0], "unknown meaning"],
  ["with a mark of another kind", [0, 0, 0, 99, 0, 0, 0, 0, 0], "unknown meaning"],
  ["with everything before the mark", [0, 0, 0, 1, 0, 0, 0, 0, 0], "unknown meaning"],
  ["with a rest of a gigabyte", [0, 0, 0, 0, 1 << 30], "promises a rest"],
])("refuses a map %s", (_, words, fault) => {
  expect(() => read(new Uint8Array(Uint32Array.from(words).buffer))).toThrow(fault);
});
