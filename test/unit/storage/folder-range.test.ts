// Proves which folders a listing may leave out, against every key that a folder could hold.
import { describe, expect, test } from "vitest";
import { mayHoldKeys } from "../../../src/storage/folder-range.ts";
import { compareKeys } from "../../../src/storage/key-order.ts";

const KEYS = ["a-b", "a.b/c", "a/b", "a/b-1", "a/b/c", "a/b/c/d", "a0/x", "ab/c", "b/a"];
const PREFIXES = ["", "a", "a/", "a/b", "a/b/", "a/b/c/d/e", "ab", "b", "c"];

function foldersOf(key: string): string[] {
  const names = key.split("/").slice(0, -1);
  return names.map((_, index) => `${names.slice(0, index + 1).join("/")}/`);
}

describe("mayHoldKeys", () => {
  test("leaves out no folder of a key that is asked for", () => {
    for (const prefix of PREFIXES) {
      for (const after of [undefined, ...KEYS]) {
        for (const key of KEYS) {
          const isPast = after === undefined || compareKeys(key, after) > 0;
          if (!key.startsWith(prefix) || !isPast) continue;
          for (const folder of foldersOf(key)) {
            expect([folder, mayHoldKeys(folder, { prefix, after })]).toEqual([folder, true]);
          }
        }
      }
    }
  });

  test.each([
    ["another name", "b/", { prefix: "a/", after: undefined }],
    ["a longer name that the prefix does not begin", "ab/", { prefix: "a/", after: undefined }],
    ["all of it before the key to go on after", "a/", { prefix: "", after: "b/a" }],
    ["its name before it, and not around it", "a/b/", { prefix: "a/", after: "a/c" }],
  ])("leaves out %s", (_, folder, range) => {
    expect(mayHoldKeys(folder, range)).toBe(false);
  });
});
