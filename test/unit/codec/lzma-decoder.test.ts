// Proves the reader on sizes that are known and unknown, with and without end marker, byte by
// byte; and that it refuses data that goes on, reaches back too far or wants too much memory.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { LzmaDecoder } from "../../../src/codec/lzma-decoder.ts";
import { LzmaEncoder } from "../../../src/codec/lzma-encoder.ts";
import type { LzmaProperties } from "../../../src/codec/lzma-model.ts";
import { newProbabilities } from "../../../src/codec/lzma-model.ts";
import { RangeEncoder } from "../../../src/codec/lzma-range.ts";
import { pageLike } from "../../support/sample-bytes.ts";

const PROPERTIES: LzmaProperties = {
  literalContextBits: 3,
  literalPositionBits: 0,
  positionBits: 2,
  dictionaryBytes: 8 << 20,
  plainBytes: undefined,
};
const PLAIN = pageLike(30_000, 1);

function withMarker(plain: Uint8Array): Uint8Array {
  const encoder = new LzmaEncoder(PROPERTIES);
  return Buffer.concat([...encoder.push(plain), ...encoder.finish()]);
}

function decode(stored: Uint8Array, properties: Partial<LzmaProperties>, pieceBytes = 1 << 20) {
  const decoder = new LzmaDecoder({ ...PROPERTIES, ...properties });
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < stored.byteLength; offset += pieceBytes) {
    pieces.push(...decoder.push(stored.subarray(offset, offset + pieceBytes)));
  }
  return Buffer.concat([...pieces, ...decoder.finish()]);
}

describe("LzmaDecoder", () => {
  test.each([1, 2, 19, 1000])("reads pieces of %d bytes", (pieceBytes) => {
    expect(Buffer.compare(decode(withMarker(PLAIN), {}, pieceBytes), PLAIN)).toBe(0);
  });

  test("reads a known size that an end marker follows", () => {
    const plainBytes = PLAIN.byteLength;
    expect(Buffer.compare(decode(withMarker(PLAIN), { plainBytes }), PLAIN)).toBe(0);
  });

  test("reads a known size without an end marker", () => {
    // Literals "a" only, and the range coder's end behind them.
    const range = new RangeEncoder(newProbabilities(PROPERTIES));
    for (let position = 0; position < 3; position++) {
      range.bit(position & 3, 0);
      let symbol = 1;
      const context = position === 0 ? 0 : "a".charCodeAt(0) >>> 5;
      for (let shift = 7; shift >= 0; shift--) {
        const bit = ("a".charCodeAt(0) >>> shift) & 1;
        range.bit(literalBase() + context * 0x300 + symbol, bit);
        symbol = (symbol << 1) | bit;
      }
    }
    range.finish();
    expect(decode(range.take(), { plainBytes: 3 }).toString()).toBe("aaa");
  });

  test.each([1, PLAIN.byteLength - 1, PLAIN.byteLength + 1])(
    "refuses %d as the size of other data",
    (plainBytes) => {
      expect(() => decode(withMarker(PLAIN), { plainBytes })).toThrow(CorruptObjectError);
    },
  );

  test("refuses a match beyond the dictionary that the header promises", () => {
    const far = Buffer.concat([
      PLAIN.subarray(0, 500),
      new Uint8Array(6000),
      PLAIN.subarray(0, 500),
    ]);
    expect(Buffer.compare(decode(withMarker(far), {}), far)).toBe(0);
    expect(() => decode(withMarker(far), { dictionaryBytes: 4096 })).toThrow(
      "before the data's beginning",
    );
  });

  test("refuses a dictionary above 256 MiB before it makes memory for it", () => {
    const dictionaryBytes = (256 << 20) + 1;
    expect(() => decode(withMarker(PLAIN), { dictionaryBytes })).toThrow("above 256 MiB");
  });

  test("refuses what follows the end, as soon as it comes", () => {
    const stored = Buffer.concat([withMarker(PLAIN), new Uint8Array(100)]);
    expect(() => decode(stored, {})).toThrow("something follows the data");
    expect(() => decode(stored, {}, 1)).toThrow("something follows the data");
  });
});

function literalBase(): number {
  return newProbabilities(PROPERTIES).length - 0x300 * 8;
}
