// Proves that buffers are used again by size, and that no more than the limit is kept.
import { expect, test } from "vitest";
import { PartBuffers } from "../../../../src/storage/service/part-buffers.ts";

test("gives the same buffer again, to one user at a time", () => {
  const buffers = new PartBuffers(100);
  const first = buffers.take(40);
  expect(buffers.take(40)).not.toBe(first);
  buffers.giveBack(first);
  expect(buffers.take(41)).not.toBe(first);
  expect(buffers.take(40)).toBe(first);
  expect(buffers.take(40)).not.toBe(first);
});

test("keeps no more bytes than its limit", () => {
  const buffers = new PartBuffers(100);
  const taken = [buffers.take(60), buffers.take(60)] as const;
  buffers.giveBack(taken[0]);
  buffers.giveBack(taken[1]);
  expect(buffers.take(60)).toBe(taken[0]);
  expect(buffers.take(60)).not.toBe(taken[1]);
});
