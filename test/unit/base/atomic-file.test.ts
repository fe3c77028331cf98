// Proves that a file appears under its name whole or not at all, on a real directory.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { discardFile, syncDirectory, temporaryName } from "../../../src/base/atomic-file.ts";

const NOW = new Date("2026-11-24T11:12:30.456Z");
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-atomic-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("temporary names lie beside the final one, in the pattern that WAL-G's listing hides", () => {
  const name = temporaryName("/store/wal_005/x.lz4", NOW);
  expect(name).toMatch(/^\/store\/wal_005\/x\.lz4\.tmp\.20261124T111230Z-[0-9a-f]{16}$/);
});

test("two temporary names of one instant differ", () => {
  expect(temporaryName("x", NOW)).not.toBe(temporaryName("x", NOW));
});

test("discarding removes a file, and its absence is fine", () => {
  const path = join(folder, "object.tmp");
  writeFileSync(path, "half");
  discardFile(path);
  discardFile(path);
  expect(readdirSync(folder)).toEqual([]);
});

test("a directory that is not there cannot be made durable", () => {
  expect(() => syncDirectory(join(folder, "absent"))).toThrow("ENOENT");
});
