// Proves that a file keeps its bytes and that a failure is none; the benchmark shows what it
// gains.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openWriteback } from "../../../src/base/writeback.ts";

test("leaves what was written as it is", async () => {
  const directory = mkdtempSync(join(tmpdir(), "writeback-"));
  try {
    const beginWriteback = await openWriteback();
    const path = join(directory, "file");
    const descriptor = openSync(path, "w");
    const bytes = new Uint8Array(1 << 20).fill(7);
    writeSync(descriptor, bytes);
    beginWriteback(descriptor, 0, bytes.byteLength);
    closeSync(descriptor);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("takes no notice of a descriptor that is none", async () => {
  const beginWriteback = await openWriteback();
  expect(() => beginWriteback(-1, 0, 4096)).not.toThrow();
});
