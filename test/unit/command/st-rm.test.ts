// Proves which objects st rm takes: one by its exact name, or those of a folder, and no others.
import { afterEach, beforeEach, expect, test } from "vitest";
import { ST_RM_SPEC } from "../../../src/command/specs/st.ts";
import { run } from "../../../src/command/st-rm.ts";
import { StorageFolder } from "../../support/storage-folder.ts";

const KEYS = ["d.x", "d/a", "d/deep/b", "dd/c", "e", "f/1", "f/2", "g/1"];
let storage: StorageFolder;

beforeEach(() => {
  storage = new StorageFolder();
  for (const key of KEYS) storage.put(key);
});
afterEach(() => storage[Symbol.dispose]());

const remove = (...words: string[]) => storage.run({ spec: ST_RM_SPEC, run }, words);

test.each([
  [["e"], ["e"]],
  [["/e"], ["e"]],
  [["d"], ["d/a", "d/deep/b"]],
  [["d/"], ["d/a", "d/deep/b"]],
  [["d/deep"], ["d/deep/b"]],
  [
    ["-g", "[fg]/1"],
    ["f/1", "g/1"],
  ],
  [
    ["-g", "d*"],
    ["d.x", "d/a", "d/deep/b", "dd/c"],
  ],
  [
    ["-g", "d*/"],
    ["d/a", "d/deep/b", "dd/c"],
  ],
  [["-g", "*"], KEYS],
  [["-g", "absent*"], []],
])("%j removes %j", async (words, gone) => {
  const { logged } = await remove(...words);
  expect(storage.keys()).toEqual(KEYS.filter((key) => !gone.includes(key)));
  expect(logged).toEqual([
    `info removed ${gone.length} ${gone.length === 1 ? "object" : "objects"}`,
  ]);
});

test.each(["absent", "e/", "d/de", "f/"])("says when there is nothing at %s", async (path) => {
  await remove("f");
  await expect(remove(path)).rejects.toMatchObject({
    code: "object-not-found",
    message: `object or folder ${JSON.stringify(path)} does not exist`,
  });
});

test.each([[[""]], [["/"]], [["."]], [["-g", ""]], [["-g", "/"]]])(
  "never takes %j for everything",
  async (words) => {
    await expect(remove(...words)).rejects.toThrow("means the whole storage");
    await expect(remove("..")).rejects.toThrow('has a segment ".."');
    expect(storage.keys()).toEqual(KEYS);
  },
);

test("removes a folder larger than one request", async () => {
  for (let index = 0; index < 2345; index++) storage.put(`big/${index}`);
  expect((await remove("big")).logged).toEqual(["info removed 2345 objects"]);
  expect(storage.keys()).toEqual(KEYS);
});
