// Proves the listing of a folder on a directory: order, names, recursion, globs and empty places.
import { utimesSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { formatGoString } from "../../../src/base/go-time.ts";
import { systemZone } from "../../../src/base/local-zone.ts";
import { ST_LS_SPEC } from "../../../src/command/specs/st.ts";
import { run } from "../../../src/command/st-ls.ts";
import { StorageFolder } from "../../support/storage-folder.ts";

const DATE = new Date(Date.UTC(2024, 2, 1, 10, 0, 0, 250));
const zone = systemZone();
const TIME = formatGoString(
  { ns: BigInt(DATE.getTime()) * 1_000_000n, offsetMinutes: zone.offsetMinutes(DATE) },
  zone,
);
const ZERO = "0001-01-01 00:00:00 +0000 UTC";
let storage: StorageFolder;

beforeEach(() => {
  storage = new StorageFolder();
  for (const [key, size] of [
    ["wal_005/b.lz4", 5],
    ["wal_005/a.lz4", 12345],
    ["wal_005/deep/er/c", 1],
    ["top", 0],
  ] as const) {
    storage.put(key, "x".repeat(size));
    utimesSync(join(storage.root, key), DATE, DATE);
  }
});
afterEach(() => storage[Symbol.dispose]());

/** What is printed, without the padding: cells of each line. */
async function list(...words: string[]) {
  const { stdout } = await storage.run({ spec: ST_LS_SPEC, run }, words);
  expect(stdout.endsWith("\n")).toBe(true);
  return stdout
    .slice(0, -1)
    .split("\n")
    .map((line) => line.replaceAll(ZERO, "ZERO").replaceAll(TIME, "TIME").trim())
    .map((line) => line.replace(/ {2,}/g, " "));
}
const HEADER = "type size last modified name";

test("shows folders first, with names below the folder", async () => {
  const lines = [HEADER, "dir 0 ZERO deep/", "obj 12345 TIME a.lz4", "obj 5 TIME b.lz4"];
  expect(await list("wal_005")).toEqual(lines);
  expect(await list("/wal_005/")).toEqual(lines);
});

test("shows the root by itself", async () => {
  const lines = [HEADER, "dir 0 ZERO wal_005/", "obj 0 TIME top"];
  expect(await list()).toEqual(lines);
  expect(await list("/")).toEqual(lines);
});

test("shows every object below a folder, and nothing of its neighbours", async () => {
  storage.put("wal_0055/x");
  expect(await list("-r", "wal_005")).toEqual([
    HEADER,
    "obj 12345 TIME a.lz4",
    "obj 5 TIME b.lz4",
    "obj 1 TIME deep/er/c",
  ]);
  expect((await list("--recursive")).at(-1)).toMatch(/ wal_0055\/x$/);
});

test("shows only the header of an absent or empty folder", async () => {
  expect(await list("absent")).toEqual([HEADER]);
  expect(await list("-r", "absent")).toEqual([HEADER]);
});

test("heads the listing of each folder that a glob matches", async () => {
  expect(await list("-g", "wal_00[5]/*")).toEqual(["wal_005/deep:", HEADER, "dir 0 ZERO er/", ""]);
  const { stdout } = await storage.run({ spec: ST_LS_SPEC, run }, ["-g", "absent/*"]);
  expect(stdout).toBe("");
});

test("does not leave the storage", async () => {
  await expect(list("../etc")).rejects.toThrow('has a segment ".."');
});
