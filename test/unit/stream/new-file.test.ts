// Proves that a new file appears whole or not at all, with its mode, and never replaces anything.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeNewFile } from "../../../src/stream/new-file.ts";

const OPTIONS = { mode: 0o640, now: new Date(Date.UTC(2026, 0, 2, 3, 4, 5)) };
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tidemark-new-file-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function* chunks(...texts: readonly string[]) {
  for (const text of texts) yield new TextEncoder().encode(text);
}

test("holds all the bytes, readable for the group", async () => {
  const path = join(dir, "file");
  await writeNewFile(path, chunks("one ", "", "two"), OPTIONS);
  expect(readFileSync(path, "utf8")).toBe("one two");
  expect(statSync(path).mode & 0o777).toBe(0o640);
  expect(statSync(path).nlink).toBe(1);
  expect(readdirSync(dir)).toEqual(["file"]);
});

test("is invisible until it is complete, and leaves nothing when its content fails", async () => {
  const path = join(dir, "file");
  let during: readonly string[] = [];
  async function* broken() {
    yield new Uint8Array(10);
    during = readdirSync(dir);
    throw new RangeError("broken off");
  }
  await expect(writeNewFile(path, broken(), OPTIONS)).rejects.toThrow(RangeError);
  expect(during).toEqual([expect.stringMatching(/^file\.tmp\.20260102T030405Z-[0-9a-f]{16}$/)]);
  expect(readdirSync(dir)).toEqual([]);
});

test("replaces nothing, not even what appears meanwhile", async () => {
  const path = join(dir, "file");
  async function* raced() {
    yield new Uint8Array(10);
    writeFileSync(path, "theirs");
  }
  const refusal = { code: "filesystem", message: `${path}: exists already` };
  await expect(writeNewFile(path, raced(), OPTIONS)).rejects.toMatchObject(refusal);
  await expect(writeNewFile(path, chunks("x"), OPTIONS)).rejects.toMatchObject(refusal);
  expect(readFileSync(path, "utf8")).toBe("theirs");
  expect(readdirSync(dir)).toEqual(["file"]);
});

test("names the file when it cannot be made", async () => {
  const path = join(dir, "absent", "file");
  await expect(writeNewFile(path, chunks("x"), OPTIONS)).rejects.toThrow(
    `${path}: could not be written (ENOENT)`,
  );
});
