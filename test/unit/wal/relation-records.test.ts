// Main data of each record that changes relations as a whole, written by hand as the server's
// headers say, in the forms of each version; every cut of it is refused.
import { expect, test } from "vitest";
import { mayChangeRelations, relationChanges } from "../../../src/wal/relation-records.ts";
import { ChangeLog } from "../../support/change-log.ts";
import { u32 } from "../../support/made-wal.ts";

const XLOG = 0;
const XACT = 1;
const SMGR = 2;
const DATABASE = 4;
const HAS_INFO = 0x80;
const TIME = [1, 2, 3, 4, 5, 6, 7, 8];
const DROPPED = [...u32(2), ...u32(1663, 5, 16384), ...u32(1700, 6, 16390)];
const DROPS = ["1663/5/16384:0+", "1700/6/16390:0+"];

function told(manager: number, info: number, main: readonly number[], majorVersion = 17) {
  const changes = new ChangeLog();
  const record = { manager, info, majorVersion, main: Uint8Array.from(main) };
  const fault = relationChanges(record, changes);
  return fault ?? changes.entries;
}

test.each([
  ["a commit", 0x00],
  ["an abort", 0x20],
  ["a commit of a prepared transaction", 0x30],
  ["an abort of a prepared transaction", 0x40],
])("%s drops relations", (_, operation) => {
  const all = [...TIME, ...u32(1 | 2 | 4), ...u32(5, 1663), ...u32(3), ...u32(7, 8, 9), ...DROPPED];
  expect(told(XACT, operation | HAS_INFO, all)).toEqual(DROPS);
  expect(told(XACT, operation | HAS_INFO, [...TIME, ...u32(4), ...DROPPED])).toEqual(DROPS);
  expect(told(XACT, operation | HAS_INFO, [...TIME, ...u32(1), ...u32(5, 1663)])).toEqual([]);
  expect(told(XACT, operation, TIME)).toEqual([]);
  for (let size = 0; size < all.length; size += 1) {
    expect(told(XACT, operation | HAS_INFO, all.slice(0, size))).toContain("cut short");
  }
});

test("a prepared transaction drops nothing yet", () => {
  expect(told(XACT, 0x10 | HAS_INFO, [...TIME, ...u32(4), ...DROPPED])).toEqual([]);
});

test("a relation that is made, and one that is truncated", () => {
  expect(told(SMGR, 0x10, u32(1663, 5, 16384, 0))).toEqual(["1663/5/16384:0+"]);
  expect(told(SMGR, 0x10, u32(1663, 5, 16384, 2))).toEqual([]);
  expect(told(SMGR, 0x20, u32(44, 1663, 5, 16384, 7))).toEqual(["1663/5/16384:44+"]);
  expect(told(SMGR, 0x20, u32(44, 1663, 5, 16384, 6))).toEqual([]);
  expect(told(SMGR, 0x20, u32(44, 1663, 5, 16384))).toContain("cut short");
});

test.each([
  [13, "a copied database", 0x00, u32(20, 1663, 1, 1663), ["1663/20/0:0+"]],
  [17, "a copied database", 0x00, u32(20, 1700, 1, 1663), ["1700/20/0:0+"]],
  [17, "a logged database", 0x10, u32(20, 1663), ["1663/20/0:0+"]],
  [14, "a dropped database", 0x10, u32(20, 2, 1663, 1700), ["1663/20/0:0+", "1700/20/0:0+"]],
  [15, "a dropped database", 0x20, u32(20, 1, 1663), ["1663/20/0:0+"]],
])("version %i: %s", (majorVersion, _, info, main, expected) => {
  expect(told(DATABASE, info, main, majorVersion)).toEqual(expected);
});

test("less logging makes everything stale", () => {
  expect(told(XLOG, 0x60, [...u32(100, 8, 10, 0, 64, 0), 0, 0])).toEqual(["0/0/0:0+"]);
  expect(told(XLOG, 0x60, [...u32(100, 8, 10, 0, 64, 1), 0, 0])).toEqual([]);
  expect(told(XLOG, 0x10, [])).toEqual([]);
});

test("no other record has to be looked at", () => {
  for (let manager = 0; manager < 256; manager += 1) {
    for (let info = 0; info < 256; info += 16) {
      const isEnd = manager === XACT && (info & HAS_INFO) !== 0;
      const isParameter = manager === XLOG && info === 0x60;
      const isOther = manager === SMGR || manager === DATABASE;
      expect(mayChangeRelations(manager, info)).toBe(isEnd || isParameter || isOther);
    }
  }
});
