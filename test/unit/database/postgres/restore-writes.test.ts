// Proves with real files that all bytes arrive, that chunks come back when they are written and
// not before, that few are on their way at once, and that failures are not lost.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileSyncer } from "../../../../src/database/postgres/restore-sync.ts";
import { PartWrites } from "../../../../src/database/postgres/restore-writes.ts";
import { ChunkPool } from "../../../../src/stream/chunk-pool.ts";

const LARGE_BYTES = 256 << 10;
let root = "";
let path = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tidemark-writes-"));
  path = join(root, "file");
});
afterEach(() => rmSync(root, { recursive: true }));

/** Counts the chunks that came back. */
class CountingPool extends ChunkPool {
  returned = 0;
  override give(chunk: Uint8Array<ArrayBuffer>): void {
    this.returned += 1;
    super.give(chunk);
  }
}

test("writes everything, and reuses a chunk only when it is written", async () => {
  const writes = new PartWrites(await FileSyncer.open(true));
  const pool = new CountingPool(LARGE_BYTES);
  const descriptor = openSync(path, "w");
  const expected = Buffer.alloc(20 * LARGE_BYTES);
  for (let index = 0; index < 20; index++) {
    const chunk = pool.take();
    chunk.fill(index + 1);
    const isSmall = index % 5 === 4;
    const bytes = isSmall ? chunk.subarray(0, 1000) : chunk;
    expected.set(bytes, index * LARGE_BYTES);
    const writing = writes.write(descriptor, bytes, index * LARGE_BYTES, path);
    expect(writing === undefined).toBe(isSmall);
    await writes.passed(chunk);
    expect(index + 1 - pool.returned).toBeLessThan(3);
  }
  await writes.settle();
  closeSync(descriptor);
  expect(pool.returned).toBe(20);
  const written = readFileSync(path);
  expect(written.equals(expected.subarray(0, written.byteLength))).toBe(true);
  expect(written.byteLength).toBe(19 * LARGE_BYTES + 1000);
});

test("throws what could not be written, in whichever thread", async () => {
  const writes = new PartWrites(await FileSyncer.open(true));
  const readOnly = openSync("/dev/null", "r");
  const large = new Uint8Array(LARGE_BYTES);
  expect(() => writes.write(readOnly, large.subarray(0, 10), 0, "small")).toThrow(
    /small: cannot be written: .*EBADF/,
  );
  await writes.write(readOnly, large, 0, "large");
  await expect(writes.settle()).rejects.toThrow(/large: cannot be written: .*EBADF/);
  await writes.idle();
  closeSync(readOnly);
});
