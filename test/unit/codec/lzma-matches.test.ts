// Proves that matches are real ones, that long repeats are found near and far, and that sliding
// forgets only what is too old; by comparing the bytes.
import { describe, expect, test } from "vitest";
import { HISTORY_BYTES, MatchFinder } from "../../../src/codec/lzma-matches.ts";
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

  test("finds a repeat at the end of its reach and after sliding", () => {
    const finder = new MatchFinder();
    const block = incompressible(500, 2);
    finder.fill(incompressible(HISTORY_BYTES - 1000, 3));
    const first = finder.end;
    finder.fill(block);
    finder.fill(incompressible(HISTORY_BYTES - 1000, 4));
    const second = finder.end;
    finder.fill(block);
    expect(finder.find(second)).toBe(273);
    expect(finder.distance).toBe(second - first);
    finder.slide();
    expect(finder.end).toBe(second + 500 - HISTORY_BYTES);
    finder.fill(block);
    const third = finder.end - 500;
    expect(finder.find(third)).toBe(273);
    expect(finder.distance).toBe(500);
  });

  test("takes no more than there is room for", () => {
    const finder = new MatchFinder();
    expect(finder.fill(new Uint8Array(2 * HISTORY_BYTES + 5))).toBe(2 * HISTORY_BYTES);
    finder.slide();
    expect(finder.fill(new Uint8Array(5))).toBe(5);
  });
});
