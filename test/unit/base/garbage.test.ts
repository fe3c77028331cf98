// Garbage is collected once for some thousands of files, never for a few.
import { expect, test } from "vitest";
import { GarbagePace } from "../../../src/base/garbage.ts";

test("once for each 2000 files", () => {
  let collections = 0;
  const pace = new GarbagePace(() => {
    collections += 1;
  });
  for (let file = 1; file <= 6001; file += 1) {
    pace.passed();
    expect(collections).toBe(Math.floor(file / 2000));
  }
});

test("many files at once count as so many", () => {
  let collections = 0;
  const pace = new GarbagePace(() => {
    collections += 1;
  });
  pace.passed(1999);
  expect(collections).toBe(0);
  pace.passed(5000);
  expect(collections).toBe(1);
  pace.passed(1999);
  expect(collections).toBe(1);
  pace.passed();
  expect(collections).toBe(2);
});
