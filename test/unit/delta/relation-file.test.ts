// Proves which paths are relation files, by table: the place and the whole name decide.
import { expect, test } from "vitest";
import { firstBlock, relationFileOf } from "../../../src/delta/relation-file.ts";

test.each([
  ["base/5/16390", "1663/5/16390", "main", 0],
  ["base/5/16390.1", "1663/5/16390", "main", 1],
  ["base/5/16390_fsm", "1663/5/16390", "fsm", 0],
  ["base/5/16390_vm.2", "1663/5/16390", "vm", 2],
  ["base/5/16390_init", "1663/5/16390", "init", 0],
  ["global/1262", "1664/0/1262", "main", 0],
  ["pg_tblspc/16400/PG_15_202209061/5/16391.12", "16400/5/16391", "main", 12],
])("%s is a file of relation %s", (path, id, fork, segment) => {
  const [tablespace, database, relation] = id.split("/").map(Number);
  const expected = { path, tablespace, database, relation, fork, segment };
  expect(relationFileOf(path)).toEqual(expected);
});

test.each([
  "base/5/t3_16390",
  "base/5/pg_filenode.map",
  "base/5/PG_VERSION",
  "base/5/16390.tmp",
  "base/5/16390_fsm.x",
  "base/16390",
  "pg_xact/0000",
  "pg_multixact/offsets/0000",
  "database/5/16390",
  "global/pg_control",
  "pg_tblspc/16400/16391",
  "/base/5/16390",
  "other/base/5/16390",
])("%s is none", (path) => {
  expect(relationFileOf(path)).toBeUndefined();
});

test("blocks are counted across the segments of a fork", () => {
  expect(firstBlock({ segment: 0 }, 8192)).toBe(0);
  expect(firstBlock({ segment: 3 }, 8192)).toBe(3 * 131072);
});
