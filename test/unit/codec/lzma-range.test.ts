// Proves that the reader gets back each kind of value that the writer wrote, in one order of
// calls, with the input whole and byte by byte.
import { describe, expect, test } from "vitest";
import { RangeDecoder, RangeEncoder } from "../../../src/codec/lzma-range.ts";
import { seededFractions } from "../../support/sample-bytes.ts";

const MODEL_SIZE = 600;
const newModel = () => new Uint16Array(MODEL_SIZE).fill(1024);

/** Values of every kind from a seed; the same sequence for writer and reader. */
function* values(seed: number) {
  const random = seededFractions(seed);
  for (let index = 0; index < 20_000; index++) {
    const kind = Math.floor(random() * 4);
    // Mostly zeros, so that probabilities go to their limits and carries run far.
    const value = random() < 0.9 ? 0 : Math.floor(random() * 64);
    yield { kind, value };
  }
}

function written(seed: number): Uint8Array {
  const encoder = new RangeEncoder(newModel());
  for (const { kind, value } of values(seed)) {
    if (kind === 0) encoder.bit(0, value & 1);
    else if (kind === 1) encoder.tree(100, 6, value);
    else if (kind === 2) encoder.reverseTree(200, 6, value);
    else encoder.direct(6, 63 - value);
  }
  encoder.finish();
  return encoder.take();
}

describe("lzma range coder", () => {
  test.each([1, 2, 3])("gives back what was written, seed %d", (seed) => {
    const decoder = new RangeDecoder(newModel());
    decoder.feed(written(seed));
    expect(decoder.start()).toBe(true);
    for (const { kind, value } of values(seed)) {
      if (kind === 0) expect(decoder.bit(0)).toBe(value & 1);
      else if (kind === 1) expect(decoder.tree(100, 6)).toBe(value);
      else if (kind === 2) expect(decoder.reverseTree(200, 6)).toBe(value);
      else expect(decoder.direct(6)).toBe(63 - value);
    }
    expect(decoder.isFinished).toBe(true);
    expect(decoder.availableBytes).toBe(0);
  });

  test("waits for its first five bytes, and refuses data that does not begin with zero", () => {
    const bytes = written(4);
    const decoder = new RangeDecoder(newModel());
    decoder.feed(bytes.subarray(0, 4));
    expect(decoder.start()).toBe(false);
    decoder.feed(bytes.subarray(4));
    expect(decoder.start()).toBe(true);
    const other = new RangeDecoder(newModel());
    other.feed(Uint8Array.of(1, 0, 0, 0, 0));
    expect(() => other.start()).toThrow("does not begin with zero");
  });

  test("throws when it runs out of input", () => {
    const decoder = new RangeDecoder(newModel());
    decoder.feed(written(5).subarray(0, 40));
    decoder.start();
    expect(() => {
      for (let index = 0; index < 1000; index++) decoder.direct(6);
    }).toThrow("input ends");
  });
});
