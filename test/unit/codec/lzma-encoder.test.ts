// Proves that what the writer makes is read back, whatever pieces it is given and past the point
// where its memory slides, and that repeats shrink.
import { describe, expect, test } from "vitest";
import { LzmaDecoder } from "../../../src/codec/lzma-decoder.ts";
import { LzmaEncoder } from "../../../src/codec/lzma-encoder.ts";
import {
  distantCopies,
  incompressible,
  pageLike,
  seededFractions,
} from "../../support/sample-bytes.ts";

const PROPERTIES = {
  literalContextBits: 3,
  literalPositionBits: 0,
  positionBits: 2,
  dictionaryBytes: 8 << 20,
  plainBytes: undefined,
};

function encode(plain: Uint8Array, seed: number, properties = PROPERTIES): Uint8Array {
  const encoder = new LzmaEncoder(properties);
  const random = seededFractions(seed);
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < plain.byteLength; ) {
    const end = offset + Math.floor(random() * 400_000);
    pieces.push(...encoder.push(plain.subarray(offset, end)));
    offset = end;
  }
  pieces.push(...encoder.finish());
  return Buffer.concat(pieces);
}

function encodeInPieces(plain: Uint8Array, pieceBytes: number): Uint8Array {
  const encoder = new LzmaEncoder(PROPERTIES);
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < plain.byteLength; offset += pieceBytes) {
    pieces.push(...encoder.push(plain.subarray(offset, offset + pieceBytes)));
  }
  return Buffer.concat([...pieces, ...encoder.finish()]);
}

function decode(stored: Uint8Array, properties = PROPERTIES): Uint8Array {
  const decoder = new LzmaDecoder(properties);
  return Buffer.concat([...decoder.push(stored), ...decoder.finish()]);
}

describe("LzmaEncoder", () => {
  test("writes what is read back, past the slide of its memory", () => {
    const plain = Buffer.concat([pageLike(7 << 20, 1), incompressible(1 << 20, 2)]);
    const whole = Buffer.concat([plain, pageLike(2 << 20, 3)]);
    expect(Buffer.compare(decode(encode(whole, 4)), whole)).toBe(0);
  });

  // A slide once dropped history that a repeated distance still reached back to.
  test.each([131_072, 262_144])("writes far copies in pieces of %d bytes", (pieceBytes) => {
    const plain = distantCopies(5 << 20, { seed: 19, distanceMax: 2 << 20 });
    const stored = encodeInPieces(plain, pieceBytes);
    expect(Buffer.compare(decode(stored), plain)).toBe(0);
  });

  test("makes the same bytes past the slide, whatever the pieces are", () => {
    const plain = distantCopies(4 << 20, { seed: 14, distanceMax: 3 << 20 });
    const whole = encodeInPieces(plain, plain.byteLength);
    expect(Buffer.compare(encodeInPieces(plain, 131_072), whole)).toBe(0);
    expect(Buffer.compare(encodeInPieces(plain, 99_991), whole)).toBe(0);
  });

  test.each([
    [0, 0, 0],
    [0, 2, 2],
    [4, 0, 4],
    [1, 3, 1],
  ])("writes with lc %d, lp %d, pb %d", (lc, lp, pb) => {
    const properties = {
      ...PROPERTIES,
      literalContextBits: lc,
      literalPositionBits: lp,
      positionBits: pb,
    };
    const plain = pageLike(150_000, lc);
    const stored = encode(plain, 5, properties);
    expect(Buffer.compare(decode(stored, properties), plain)).toBe(0);
  });

  test("makes the same bytes of the same bytes, whatever the pieces are", () => {
    const plain = pageLike(900_000, 6);
    expect(Buffer.compare(encode(plain, 7), encode(plain, 8))).toBe(0);
  });

  test("makes repeats small, near and far", () => {
    const block = incompressible(100_000, 9);
    const far = Buffer.concat([block, incompressible(900_000, 10), block]);
    expect(encode(far, 11).byteLength).toBeLessThan(900_000 * 1.02 + 104_000);
    expect(encode(new Uint8Array(1 << 20), 12).byteLength).toBeLessThan(300);
  });
});
