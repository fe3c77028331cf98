// Proves that older increments and whole files fill exactly what newer ones left open: random
// chains, applied newest first by these rules, give the file that applying them oldest first
// gives. The seed is in the title.
import { describe, expect, it } from "vitest";
import { sizeAfter, WrittenPages } from "../../../../src/database/postgres/written-pages.ts";
import type { IncrementShape } from "../../../../src/delta/increment-apply.ts";
import { fuzzSeed, type Random, seededRandom } from "../../../support/random.ts";

const SEED = fuzzSeed();
const PAGE = 16;

interface Increment extends IncrementShape {
  readonly fill: number;
}

function randomIncrement(random: Random, fill: number): Increment {
  const pages = random.below(12);
  const blocks: number[] = [];
  // Some past the recorded size: the file grew while it was read.
  for (let block = 0; block < pages + 2; block++) {
    if (random.below(3) === 0 && (block < pages || random.below(4) === 0)) blocks.push(block);
  }
  return { fileBytes: pages * PAGE, pageBytes: PAGE, blocks: Uint32Array.from(blocks), fill };
}

/** As a restore that begins with the oldest applies them. */
function oldestFirst(whole: Uint8Array, increments: readonly Increment[]): Uint8Array {
  let file = whole;
  for (const increment of increments) {
    const resized = new Uint8Array(increment.fileBytes);
    resized.set(file.subarray(0, increment.fileBytes));
    const grown = new Uint8Array(sizeAfter(increment));
    grown.set(resized);
    for (const block of increment.blocks)
      grown.fill(increment.fill, block * PAGE, (block + 1) * PAGE);
    file = grown;
  }
  return file;
}

/** Over `present`, whose bytes must all give way. */
function newestFirst(
  whole: Uint8Array,
  increments: readonly Increment[],
  present: Uint8Array,
): Uint8Array {
  const [newest, ...older] = increments.toReversed();
  if (newest === undefined) return whole;
  const file = new Uint8Array(sizeAfter(newest));
  file.set(present.subarray(0, file.byteLength));
  const written = new WrittenPages(newest);
  for (const block of newest.blocks) file.fill(newest.fill, block * PAGE, (block + 1) * PAGE);
  written.add(newest);
  for (const increment of older) {
    for (const block of increment.blocks) {
      written.missing(block * PAGE, (block + 1) * PAGE, (from, to) => {
        file.fill(increment.fill, from, to);
      });
    }
    written.add(increment);
  }
  if (written.isComplete) return file;
  written.missing(0, whole.byteLength, (from, to) => file.set(whole.subarray(from, to), from));
  const { limitBytes, fileBytes } = written;
  written.unwritten(Math.min(limitBytes, whole.byteLength), fileBytes, (from, to) => {
    file.fill(0, from, to);
  });
  return file;
}

describe("written pages", () => {
  it(`give the same file newest first as oldest first (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    for (let round = 0; round < 3000; round++) {
      const whole = new Uint8Array(random.below(12 * PAGE)).fill(100);
      const increments = Array.from({ length: 1 + random.below(4) }, (_, index) => {
        return randomIncrement(random, index + 1);
      });
      const expected = oldestFirst(whole, increments);
      const present = new Uint8Array(20 * PAGE).fill(200);
      expect(newestFirst(whole, increments, present)).toEqual(expected);
    }
  });

  it("join what lies side by side into one piece", () => {
    const blocks = Uint32Array.from([2, 3]);
    const shape = { fileBytes: 8 * PAGE, pageBytes: PAGE, blocks };
    const written = new WrittenPages(shape);
    written.add(shape);
    const pieces: (readonly [number, number])[] = [];
    written.missing(5, 7 * PAGE, (from, to) => pieces.push([from, to]));
    expect(pieces).toEqual([
      [5, 2 * PAGE],
      [4 * PAGE, 7 * PAGE],
    ]);
  });
});
