// Proves that a recycled chunk is given out again, and that strangers and views are left alone.
import { expect, test } from "vitest";
import {
  ChunkPieces,
  ChunkPool,
  freedWhenRecycled,
  recycle,
} from "../../../src/stream/chunk-pool.ts";

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

test("the filled part of a chunk stands for the chunk", () => {
  const pool = new ChunkPool(1024);
  const chunk = pool.take();
  chunk.set([1, 2, 3]);
  const content = pool.filled(chunk, 3);
  expect([...content]).toEqual([1, 2, 3]);
  recycle(content);
  expect(pool.take()).toBe(chunk);
});

test("a chunk with a buffer of its own is freed, a view of a shared one is not", () => {
  const own = freedWhenRecycled(new Uint8Array(1024));
  recycle(own);
  expect(own.buffer.detached).toBe(true);
  const shared = new Uint8Array(1024);
  recycle(freedWhenRecycled(shared.subarray(0, 512)));
  expect(shared.buffer.detached).toBe(false);
  expect(shared.byteLength).toBe(1024);
});

test("a chunk in pieces is given back once, when all of them were", () => {
  const pool = new ChunkPool(1024);
  const chunk = pool.take();
  const pieces = new ChunkPieces(chunk);
  const [first, second] = [pieces.piece(0, 512), pieces.piece(600, 1024)];
  recycle(second);
  recycle(second);
  pieces.leftOut(88);
  expect(pool.take()).not.toBe(chunk);
  recycle(first);
  pieces.leftOut(0);
  recycle(first);
  expect(pool.take()).toBe(chunk);
  expect(pool.take()).not.toBe(chunk);
});

test("pieces of a chunk that comes from no pool are only views", () => {
  const chunk = new Uint8Array(8);
  const pieces = new ChunkPieces(chunk);
  recycle(pieces.piece(0, 8));
  expect(chunk.buffer.detached).toBe(false);
});
