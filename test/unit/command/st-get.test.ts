// Proves that st get writes a whole new file, opened by extension and key, and replaces nothing.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ST_GET_SPEC, ST_PUT_SPEC } from "../../../src/command/specs/st.ts";
import { run } from "../../../src/command/st-get.ts";
import { run as put } from "../../../src/command/st-put.ts";
import { StorageFolder } from "../../support/storage-folder.ts";

const COMMAND = { spec: ST_GET_SPEC, run };
const KEY = { WALG_LIBSODIUM_KEY: "12".repeat(32), WALG_LIBSODIUM_KEY_TRANSFORM: "hex" };
let storage: StorageFolder;

beforeEach(() => {
  storage = new StorageFolder();
});
afterEach(() => storage[Symbol.dispose]());

test("decompresses into the named file", async () => {
  storage.put("wal_005/x.zst", Bun.zstdCompressSync("plain text"));
  const path = join(storage.local, "file");
  await storage.run(COMMAND, ["wal_005/x.zst", path]);
  expect(readFileSync(path, "utf8")).toBe("plain text");
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

test("keeps the object's name, extension included, in a folder", async () => {
  const compressed = Bun.zstdCompressSync("plain text");
  storage.put("wal_005/x.zst", compressed);
  await storage.run(COMMAND, ["--no-decompress", "wal_005/x.zst", storage.local]);
  expect(readFileSync(join(storage.local, "x.zst")).equals(compressed)).toBe(true);
});

test("decrypts what st put encrypted, and not when told so", async () => {
  const source = join(storage.local, "source");
  writeFileSync(source, "secret text");
  const environment = { ...KEY, WALG_COMPRESSION_METHOD: "none" };
  await storage.run({ spec: ST_PUT_SPEC, run: put }, [source, "x"], { environment });
  const [opened, closed] = ["opened", "closed"].map((name) => join(storage.local, name));
  await storage.run(COMMAND, ["x", opened ?? ""], { environment });
  await storage.run(COMMAND, ["--no-decrypt", "x", closed ?? ""], { environment });
  expect(readFileSync(opened ?? "", "utf8")).toBe("secret text");
  expect(readFileSync(closed ?? "").equals(storage.content("x") ?? Buffer.of())).toBe(true);
  expect(storage.content("x")?.includes("secret")).toBe(false);
});

test("warns of an extension that no compression has", async () => {
  storage.put("x.json", "{}");
  const { logged } = await storage.run(COMMAND, ["x.json", join(storage.local, "x")]);
  expect(logged).toEqual([
    "warning x.json: no compression has the extension json, so nothing is decompressed",
  ]);
});

test("writes all that a glob matches into a folder, and only there", async () => {
  for (const key of ["d/a", "d/b", "other"]) storage.put(key, key);
  await storage.run(COMMAND, ["-g", "d/*", storage.local]);
  expect(readdirSync(storage.local).sort()).toEqual(["a", "b"]);
  await expect(storage.run(COMMAND, ["-g", "d/*", join(storage.local, "c")])).rejects.toThrow(
    "is no folder",
  );
});

test("replaces no file, and leaves none behind when the object is damaged or absent", async () => {
  storage.put("x", "new");
  storage.put("cut.zst", Bun.zstdCompressSync("x".repeat(1000)).subarray(0, -3));
  writeFileSync(join(storage.local, "old"), "old");
  await expect(storage.run(COMMAND, ["x", join(storage.local, "old")])).rejects.toThrow(
    "exists already",
  );
  for (const key of ["cut.zst", "absent"]) {
    await expect(storage.run(COMMAND, [key, join(storage.local, "y")])).rejects.toThrow(key);
  }
  expect(readdirSync(storage.local)).toEqual(["old"]);
  expect(readFileSync(join(storage.local, "old"), "utf8")).toBe("old");
});

test("wants one storage", async () => {
  storage.put("x");
  await expect(storage.run(COMMAND, ["-t", "all", "x", storage.local])).rejects.toThrow(
    "an explicit storage must be specified instead of 'all'",
  );
});
