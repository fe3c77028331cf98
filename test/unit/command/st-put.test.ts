// Proves that st put stores files and stdin under the right name, and never silently replaces.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ST_PUT_SPEC } from "../../../src/command/specs/st.ts";
import { run } from "../../../src/command/st-put.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";
import { StorageFolder } from "../../support/storage-folder.ts";

const COMMAND = { spec: ST_PUT_SPEC, run };
const ZSTD = { WALG_COMPRESSION_METHOD: "zstd" };
const KEY = { WALG_LIBSODIUM_KEY: "12".repeat(32), WALG_LIBSODIUM_KEY_TRANSFORM: "hex" };
let storage: StorageFolder;
let file: string;

beforeEach(() => {
  storage = new StorageFolder();
  file = join(storage.local, "file");
  writeFileSync(file, "plain text");
});
afterEach(() => storage[Symbol.dispose]());

test("compresses and names the object after the compression", async () => {
  await storage.run(COMMAND, [file, "/docs/x"], { environment: ZSTD });
  expect(storage.keys()).toEqual(["docs/x.zst"]);
  const stored = storage.content("docs/x.zst") ?? Buffer.of();
  expect(Bun.zstdDecompressSync(stored).toString()).toBe("plain text");
});

test("stores a file as it is when told so", async () => {
  const environment = { ...ZSTD, ...KEY };
  await storage.run(COMMAND, ["--no-compress", "--no-encrypt", file, "x"], { environment });
  expect(storage.content("x")?.toString()).toBe("plain text");
  await storage.run(COMMAND, ["--no-encrypt", file, "y"], { environment });
  expect(Bun.zstdDecompressSync(storage.content("y.zst") ?? "").toString()).toBe("plain text");
  await storage.run(COMMAND, ["--no-compress", file, "z"], { environment });
  expect(storage.content("z")?.includes("plain")).toBe(false);
});

test("refuses stdin for all storages, as it can be read once", async () => {
  await expect(storage.run(COMMAND, ["x", "-s", "-t", "all"])).rejects.toThrow(
    "an explicit storage must be specified instead of 'all'",
  );
});

test("stores stdin", async () => {
  const input = { ...bytesSource("from stdin"), replayable: false, sizeBytes: undefined };
  await storage.run(COMMAND, ["-s", "--no-compress", "x"], { input });
  expect(storage.content("x")?.toString()).toBe("from stdin");
});

test("replaces an object only when forced", async () => {
  storage.put("x", "old");
  storage.put("y.zst", "old");
  const words = ["--no-compress", file, "x"];
  const refusal = (key: string) => ({
    code: "object-exists",
    message: `object ${key} already exists. To overwrite it, add the -f flag`,
  });
  await expect(storage.run(COMMAND, words)).rejects.toMatchObject(refusal("x"));
  await expect(storage.run(COMMAND, [file, "y"], { environment: ZSTD })).rejects.toMatchObject(
    refusal("y.zst"),
  );
  expect(storage.content("x")?.toString()).toBe("old");
  await storage.run(COMMAND, ["-f", ...words]);
  expect(storage.content("x")?.toString()).toBe("plain text");
  expect(storage.content("y.zst")?.toString()).toBe("old");
});

test.each([
  [["local"], "accepts 2 arg(s), received 1"],
  [["-s", "a", "b"], "one argument only"],
  [["/", "x"], "is not a regular file"],
  [["/no/such/file", "x"], "could not open (ENOENT)"],
])("refuses %j and stores nothing", async (words, message) => {
  await expect(storage.run(COMMAND, words)).rejects.toThrow(message);
  await expect(storage.run(COMMAND, [file, "a/../x"])).rejects.toThrow('has a segment ".."');
  expect(storage.keys()).toEqual([]);
});

test("an interrupted input leaves no object", async () => {
  const controller = new AbortController();
  const input = {
    sizeBytes: undefined,
    replayable: false,
    async *open(signal: AbortSignal) {
      yield new Uint8Array(1 << 20);
      controller.abort(new Error("stopped"));
      signal.throwIfAborted();
    },
  };
  const { signal } = controller;
  await expect(storage.run(COMMAND, ["-s", "x"], { input, signal })).rejects.toThrow("stopped");
  expect(storage.keys()).toEqual([]);
});
