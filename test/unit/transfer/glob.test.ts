// Proves globs against the rules of Go's path.Match, and that only folders on the way are listed.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";
import { expandGlob } from "../../../src/transfer/glob.ts";

const { signal } = new AbortController();
const KEYS = ["a/1/x.lz4", "a/2/x.lz4", "a/2/y", "a/top", "b/1/x.lz4", "root", "we-[i]r.d*"];

async function expand(pattern: string, keys: readonly string[] = KEYS) {
  const driver = new MemoryDriver(SYSTEM_CLOCK);
  for (const key of keys) {
    await driver.put(toObjectKey(key), bytesSource(""), { ifAbsent: true, signal });
  }
  const listed: string[] = [];
  const listFolder: MemoryDriver["listFolder"] = (folder, options) => {
    listed.push(folder);
    return driver.listFolder(folder, options);
  };
  return { ...(await expandGlob({ listFolder }, pattern, signal)), listed };
}

test.each([
  ["*", ["root", "we-[i]r.d*"], ["a", "b"]],
  ["/*", ["root", "we-[i]r.d*"], ["a", "b"]],
  ["*/", [], ["a", "b"]],
  ["a/*", ["a/top"], ["a/1", "a/2"]],
  ["?/1", [], ["a/1", "b/1"]],
  ["a/*/x.*", ["a/1/x.lz4", "a/2/x.lz4"], []],
  ["a/*/x*", ["a/1/x.lz4", "a/2/x.lz4"], []],
  ["[a-b]/[^1]/?", ["a/2/y"], []],
  ["a/2/y", ["a/2/y"], []],
  ["a/2", [], ["a/2"]],
  ["r*x", [], []],
  ["roo", [], []],
  ["we-\\[i\\]r.d\\*", ["we-[i]r.d*"], []],
  ["we-[[]i[\\]]r?d[*]", ["we-[i]r.d*"], []],
  ["[\\-w]e*", ["we-[i]r.d*"], []],
  ["", [], []],
  ["/", [], []],
])("%s", async (pattern, objects, folders) => {
  expect(await expand(pattern)).toMatchObject({ objects, folders });
});

test("lists what the pattern leads through, and nothing else", async () => {
  expect((await expand("a/*/x*")).listed).toEqual(["", "a/", "a/1/", "a/2/"]);
});

test("gives everything in order", async () => {
  expect(await expand("*/o", ["b/o", "a/o", "c/o/p", "a-/o"])).toMatchObject({
    objects: ["a-/o", "a/o", "b/o"],
    folders: ["c/o"],
  });
});

test.each(["[a", "a[", "[z-a]", "x\\", "[]", "a[]]"])("refuses %s", async (pattern) => {
  await expect(expand(pattern)).rejects.toThrow(`glob ${JSON.stringify(pattern)} is malformed`);
});
