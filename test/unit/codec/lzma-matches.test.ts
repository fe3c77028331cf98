// Proves that matches are real ones, that long repeats are found near and far, and that sliding
// forgets only what is too old; by comparing the bytes.
import { describe, expect, test } from "vitest";
import {
  HISTORY_BYTES,
  LOOKAHEAD_BYTES,
  MatchFinder,
  SLIDE_BYTES,
} from "../../../src/codec/lzma-matches.ts";
import { incompressible, pageLike } from "../../support/sample-bytes.ts";

describe("MatchFinder", () => {
  test("finds only bytes that are equal", () => {
    const finder = new MatchFinder();
    expect(finder.fill(pageLike(60_000, 1))).toBe(60_000);
    let found = 0;
    for (let position = 0; position < finder.end; position += 7) {
      const length = finder.find(position);
      if (length === 0) continue;
      found++;
      expect(length).toBeGreaterThanOrEqual(4);
      expect(length).toBeLessThanOrEqual(273);
      const from = position - finder.distance;
      expect(from).toBeGreaterThanOrEqual(0);
      expect(finder.bytes.slice(position, position + length)).toEqual(
        finder.bytes.slice(from, from + length),
      );
    }
    expect(found).toBeGreaterThan(1000);
  });

  test("finds a repeat at the end of its reach, and none beyond", () => {
    for (const [distance, length] of [
      [HISTORY_BYTES, 273],
      [HISTORY_BYTES + 1, 0],
    ] as const) {
      const finder = new MatchFinder();
      const block = incompressible(500, 2);
      finder.fill(block);
      finder.fill(incompressible(distance - 500, 3));
      finder.fill(block);
      expect(finder.find(distance)).toBe(length);
      if (length > 0) expect(finder.distance).toBe(distance);
    }
  });

  test("finds after many slides what it found before", () => {
    const finder = new MatchFinder();
    const block = incompressible(500, 4);
    const gap = incompressible(SLIDE_BYTES - 500, 5);
    let position = 0;
    for (let round = 0; round < 12; round++) {
      finder.fill(block);
      if (round > 0) {
        expect(finder.find(position)).toBe(273);
        expect(finder.distance).toBe(SLIDE_BYTES);
      }
      finder.fill(gap);
      position += SLIDE_BYTES;
      if (position < HISTORY_BYTES + SLIDE_BYTES) continue;
      expect(finder.find(position - 600)).toBe(273);
      finder.slide(position);
      position -= SLIDE_BYTES;
      expect(finder.end).toBe(position);
    }
  });

  test("does not forget what is still within reach", () => {
    const finder = new MatchFinder();
    finder.fill(new Uint8Array(HISTORY_BYTES + SLIDE_BYTES));
    expect(() => finder.slide(HISTORY_BYTES + SLIDE_BYTES - 1)).toThrow("keeps the history");
  });

  test("refuses to read before the first byte and behind the last one", () => {
    const finder = new MatchFinder();
    finder.fill(new Uint8Array(10));
    expect(() => finder.byteAt(-1)).toThrow("a byte that is known");
    expect(() => finder.byteAt(10)).toThrow("a byte that is known");
    expect(() => finder.matchBytes(3, 4, 10)).toThrow("bytes that are known");
  });

  test("takes no more than there is room for", () => {
    const finder = new MatchFinder();
    const capacity = HISTORY_BYTES + SLIDE_BYTES + LOOKAHEAD_BYTES;
    expect(finder.fill(new Uint8Array(capacity + 5))).toBe(capacity);
    finder.slide(HISTORY_BYTES + SLIDE_BYTES);
    expect(finder.fill(new Uint8Array(5))).toBe(5);
  });
});
