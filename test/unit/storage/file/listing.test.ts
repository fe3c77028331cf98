// Proves order, prefixes and resuming of a directory's listing against a sort of all names.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { listFiles, listFolderFiles } from "../../../../src/storage/file/listing.ts";
import { compareKeys } from "../../../../src/storage/key-order.ts";
import { makeScratch } from "../../../support/scratch.ts";

const NAMES = ["a-b/1", "a/1", "a/b/2", "a/b/10", "a/b-c", "a.txt", "a0", "b", "z/é/1", "z/z"];

function filled(path: string) {
  for (const name of NAMES) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), name);
  }
  return { root: path, storage: "file://test" };
}

describe("listFiles", () => {
  test("equals a sorted filter of all names, for every prefix and start", () => {
    using scratch = makeScratch("listing");
    const directory = filled(scratch.path);
    const prefixes = ["", "a", "a/", "a/b", "a/b/", "a-", "z/é", "none", "none/x", "b/"];
    for (const prefix of prefixes) {
      for (const after of [undefined, ...NAMES, "a/b/", "a", "zz", "A"]) {
        const keys = [...listFiles(directory, { prefix, after })].map(({ key }) => key);
        const expected = NAMES.filter(
          (name) =>
            name.startsWith(prefix) && (after === undefined || compareKeys(name, after) > 0),
        );
        expect(keys).toEqual(expected.sort(compareKeys));
      }
    }
  });

  test("tells sizes and times", () => {
    using scratch = makeScratch("listing");
    const [first] = [...listFiles(filled(scratch.path), { prefix: "a/b/10", after: undefined })];
    expect(first).toMatchObject({ key: "a/b/10", sizeBytes: 6 });
    expect(Math.abs((first?.modifiedAt.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
  });
});

test("listFolderFiles gives only what is directly below", () => {
  using scratch = makeScratch("listing");
  const { objects, folders } = listFolderFiles(filled(scratch.path), "a/");
  expect(objects.map(({ key }) => key).sort()).toEqual(["a/1", "a/b-c"]);
  expect(folders).toEqual(["b"]);
});
