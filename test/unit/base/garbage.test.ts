// Garbage is collected once for some hundreds of files, never for a few, and all of it at times.
import { expect, test } from "vitest";
import { GarbagePace } from "../../../src/base/garbage.ts";

function countingPace() {
  const counts = { young: 0, all: 0 };
  const pace = new GarbagePace(
    () => {
      counts.young += 1;
    },
    () => {
      counts.all += 1;
    },
  );
  return { pace, counts };
}

test("young garbage for each 500 files, all of it for each 4000", () => {
  const { pace, counts } = countingPace();
  for (let file = 1; file <= 12_001; file += 1) {
    pace.passed();
    expect(counts.young + counts.all).toBe(Math.floor(file / 500));
    expect(counts.all).toBe(Math.floor(file / 4000));
  }
});

test("many files at once count as so many", () => {
  const { pace, counts } = countingPace();
  pace.passed(499);
  expect(counts).toEqual({ young: 0, all: 0 });
  pace.passed(3001);
  expect(counts).toEqual({ young: 1, all: 0 });
  pace.passed(499);
  expect(counts).toEqual({ young: 1, all: 0 });
  pace.passed();
  expect(counts).toEqual({ young: 1, all: 1 });
  pace.passed(10_000);
  expect(counts).toEqual({ young: 1, all: 2 });
});

test("the runtime collects what nobody holds any more", () => {
  const pace = new GarbagePace();
  let isGone = false;
  const registry = new FinalizationRegistry(() => {
    isGone = true;
  });
  (() => registry.register({ large: new Array(1000).fill(0) }, 0))();
  pace.passed(4000);
  return Bun.sleep(1).then(() => expect(isGone).toBe(true));
});
