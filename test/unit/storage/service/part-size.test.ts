// Proves that any object fits S3's limits on parts, within the budget, for sizes known and not.
import { describe, expect, test } from "vitest";
import { partSizes } from "../../../../src/storage/service/part-size.ts";

const MIB = 1024 * 1024;
const PARTS_MAX = 10_000;
const SIZING = {
  partsMax: PARTS_MAX,
  partBytesMin: 5 * MIB,
  partBytesMax: 20 * MIB,
  budgetBytes: 64 * MIB,
  partsInFlightMax: 4,
};

describe("partSizes", () => {
  test("an object that one request may hold is one part", () => {
    expect(partSizes(SIZING, 16 * MIB)(1)).toBe(16 * MIB);
    expect(partSizes(SIZING, 20 * MIB)(1)).toBe(20 * MIB);
    expect(partSizes(SIZING, 20 * MIB + 1)(1)).toBe(8 * MIB);
    expect(partSizes(SIZING, 0)(1)).toBe(8 * MIB);
  });

  test("parts are a share of the budget, at most what the setting allows, at least 5 MiB", () => {
    expect(partSizes(SIZING, undefined)(1)).toBe(8 * MIB);
    expect(partSizes({ ...SIZING, partBytesMax: 6 * MIB }, undefined)(1)).toBe(6 * MIB);
    expect(partSizes({ ...SIZING, budgetBytes: 8 * MIB }, undefined)(1)).toBe(5 * MIB);
    expect(partSizes({ ...SIZING, budgetBytes: 1024 * MIB }, undefined)(1)).toBe(20 * MIB);
  });

  test("parts that are sent one after the other are larger, and never fewer than four", () => {
    const sized = (partsInFlightMax: number) =>
      partSizes({ ...SIZING, partsInFlightMax }, undefined)(1) / MIB;
    expect([1, 2, 3, 4, 100].map(sized)).toEqual([16, 16, 10, 8, 8]);
  });

  test("a huge object of known size has parts of one size and never too many", () => {
    for (const sizeBytes of [80 * 1024 * MIB, 1024 * 1024 * MIB, 5 * 1024 * 1024 * MIB]) {
      const partBytes = partSizes(SIZING, sizeBytes);
      expect(partBytes(1)).toBe(partBytes(PARTS_MAX));
      expect(Math.ceil(sizeBytes / partBytes(1))).toBeLessThanOrEqual(PARTS_MAX);
    }
  });

  test("of unknown size, the parts grow up to half the budget", () => {
    const partBytes = partSizes(SIZING, undefined);
    expect(
      [1, 2000, 2001, 4001, 6001, 8001, 10_000].map((number) => partBytes(number) / MIB),
    ).toEqual([8, 8, 16, 32, 32, 32, 32]);
  });
});
