// Proves that st cat prints bytes as they are stored, and opens them only as far as it is told.
import { expect, test } from "vitest";
import { ST_CAT_SPEC } from "../../../src/command/specs/st.ts";
import { run } from "../../../src/command/st-cat.ts";
import { StorageFolder } from "../../support/storage-folder.ts";

const COMMAND = { spec: ST_CAT_SPEC, run };

test("prints a document as it is", async () => {
  using storage = new StorageFolder();
  storage.put("basebackups_005/x.json", '{"LSN": 1}');
  const { stdout, logged } = await storage.run(COMMAND, ["basebackups_005/x.json"]);
  expect(stdout).toBe('{"LSN": 1}');
  expect(logged).toEqual([]);
});

test("decompresses when asked to", async () => {
  using storage = new StorageFolder();
  const text = "plain text ".repeat(100);
  storage.put("x.zst", Bun.zstdCompressSync(text));
  expect((await storage.run(COMMAND, ["--decompress", "x.zst"])).stdout).toBe(text);
  expect((await storage.run(COMMAND, ["x.zst"])).stdout.length).toBeLessThan(100);
});

test("prints all that a glob matches, in order", async () => {
  using storage = new StorageFolder();
  for (const name of ["b", "a", "c"]) storage.put(`docs/${name}.json`, `${name}\n`);
  expect((await storage.run(COMMAND, ["-g", "docs/[ab].*"])).stdout).toBe("a\nb\n");
});

test.each([
  [["absent"], "object not found"],
  [["-g", "absent/*"], "object not found"],
  [["-g", "doc*"], "matches folders only"],
  [["docs"], "object not found"],
])("refuses %j", async (words, message) => {
  using storage = new StorageFolder();
  storage.put("docs/a");
  await expect(storage.run(COMMAND, words)).rejects.toThrow(message);
});
