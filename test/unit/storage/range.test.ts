// Proves which ranges an object has, at each of its edges.
import { describe, expect, test } from "vitest";
import { InvalidRangeError } from "../../../src/storage/errors.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { resolveRange } from "../../../src/storage/range.ts";

const OBJECT = { storage: "memory:", key: toObjectKey("a") };

describe("resolveRange", () => {
  test("gives the whole object without a range", () => {
    expect(resolveRange(undefined, 10, OBJECT)).toEqual({ offset: 0, length: 10 });
  });

  test.each([
    [0, 10],
    [9, 1],
    [10, 0],
    [0, 0],
  ])("takes %i + %i of 10", (offset, length) => {
    expect(resolveRange({ offset, length }, 10, OBJECT)).toEqual({ offset, length });
  });

  test.each([
    [0, 11],
    [10, 1],
    [11, 0],
    [-1, 2],
    [0, -1],
    [0.5, 1],
    [0, Number.NaN],
    [2 ** 53, 1],
  ])("refuses %d + %d of 10, naming the object", (offset, length) => {
    expect(() => resolveRange({ offset, length }, 10, OBJECT)).toThrow(InvalidRangeError);
    expect(() => resolveRange({ offset, length }, 10, OBJECT)).toThrow("memory:/a");
  });
});
