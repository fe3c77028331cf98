// Proves that a recycled chunk is given out again, and that strangers and views are left alone.
import { expect, test } from "vitest";
import { ChunkPool, recycle } from "../../../src/stream/chunk-pool.ts";

test("a chunk that was given back is the next one taken", () => {
  const pool = new ChunkPool(1024);
  const first = pool.take();
  const second = pool.take();
  expect(second).not.toBe(first);
  recycle(first);
  expect(pool.take()).toBe(first);
  expect(pool.take()).not.toBe(first);
});

test("what comes from no pool, or is only a view of a chunk, goes into none", () => {
  const pool = new ChunkPool(1024);
  const chunk = pool.take();
  recycle(new Uint8Array(1024));
  recycle(chunk.subarray(0, 512));
  const next = pool.take();
  expect(next).not.toBe(chunk);
  expect(next.byteLength).toBe(1024);
});
