// Proves that a text comes back as appended, any number of times, while little of it is kept.
import { describe, expect, test } from "vitest";
import { CompressedText } from "../../../../src/database/postgres/compressed-text.ts";
import { concatBytes } from "../../../../src/stream/byte-stream.ts";
import { recycle } from "../../../../src/stream/chunk-pool.ts";

describe("a compressed text", () => {
  test("comes back as appended, over many blocks and with wide characters", () => {
    const text = new CompressedText();
    let whole = "";
    for (let i = 0; whole.length < 1_000_000; i += 1) {
      const piece = `/base/16384/${i}_é\u{1f600},`;
      text.append(piece);
      whole += piece;
    }
    const expected = new TextEncoder().encode(whole);
    expect(text.sizeBytes()).toBe(expected.byteLength);
    expect(Buffer.compare(concatBytes([...text.read()]), expected)).toBe(0);
    expect(Buffer.compare(concatBytes([...text.read()]), expected)).toBe(0);
    expect(text.heldBytes()).toBeLessThan(expected.byteLength / 3);
  });

  test("gives out blocks whose memory is free once they are recycled", () => {
    const text = new CompressedText();
    for (let i = 0; text.sizeBytes() < 1_000_000; i += 1) text.append(`/base/16384/${i},`);
    const blocks = [...text.read()];
    const sizeBytes = blocks.reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(sizeBytes).toBe(text.sizeBytes());
    const packed = blocks.slice(0, -1);
    for (const block of packed) recycle(block);
    expect(packed.map(({ byteLength }) => byteLength)).toEqual(packed.map(() => 0));
    expect(packed.length).toBeGreaterThan(2);
  });

  test("is empty until something is appended", () => {
    const text = new CompressedText();
    expect([text.isEmpty, text.sizeBytes(), [...text.read()]]).toEqual([true, 0, []]);
    text.append("x");
    expect([text.isEmpty, text.sizeBytes()]).toEqual([false, 1]);
    text.append("y");
    expect([text.isEmpty, text.sizeBytes(), text.heldBytes() > 0]).toEqual([false, 2, true]);
  });
});
