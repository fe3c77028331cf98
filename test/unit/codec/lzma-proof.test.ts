// Proves that the read-back lets sound data through, and refuses data with any flipped byte,
// bytes left out, and matches that reach further back than the writer ever does.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { LzmaEncoder } from "../../../src/codec/lzma-encoder.ts";
import { LzmaProof } from "../../../src/codec/lzma-proof.ts";
import { incompressible, pageLike } from "../../support/sample-bytes.ts";

const PROPERTIES = {
  literalContextBits: 3,
  literalPositionBits: 0,
  positionBits: 2,
  dictionaryBytes: 8 << 20,
  plainBytes: undefined,
};
const PLAIN = pageLike(3000, 1);

function encode(plain: Uint8Array): Buffer {
  const encoder = new LzmaEncoder(PROPERTIES);
  return Buffer.concat([...encoder.push(plain), ...encoder.finish()]);
}

/** The number of bytes that were read back. */
function prove(plain: Uint8Array, stored: Uint8Array): number {
  const proof = new LzmaProof(PROPERTIES);
  proof.plain(plain.subarray(0, 1000));
  let decodedBytes = 0;
  for (const sizeBytes of proof.stored(stored.subarray(0, 200))) decodedBytes += sizeBytes;
  proof.plain(plain.subarray(1000));
  for (const sizeBytes of proof.stored(stored.subarray(200))) decodedBytes += sizeBytes;
  proof.finish();
  return decodedBytes;
}

describe("LzmaProof", () => {
  test("lets through what decodes to what went in", () => {
    expect(prove(PLAIN, encode(PLAIN))).toBeLessThanOrEqual(PLAIN.byteLength);
    expect(prove(new Uint8Array(0), encode(new Uint8Array(0)))).toBe(0);
  });

  test("refuses every flipped byte", () => {
    const stored = encode(PLAIN);
    for (let at = 0; at < stored.byteLength; at++) {
      const flipped = Buffer.from(stored);
      flipped[at] = ~stored.readUInt8(at);
      expect(() => prove(PLAIN, flipped), `byte ${at}`).toThrow(CorruptObjectError);
    }
  });

  test("refuses every cut", () => {
    const stored = encode(PLAIN);
    for (let sizeBytes = 0; sizeBytes < stored.byteLength; sizeBytes++) {
      expect(() => prove(PLAIN, stored.subarray(0, sizeBytes))).toThrow("just written");
    }
  });

  test("refuses sound data of other bytes, and of one byte more or less", () => {
    const other = Buffer.from(PLAIN);
    other[2999] = ~other.readUInt8(2999);
    for (const plain of [other, PLAIN.subarray(1), Buffer.concat([PLAIN, Buffer.alloc(1)])]) {
      expect(() => prove(plain, encode(PLAIN))).toThrow("does not decode");
    }
  });

  test("reads far more than its memory holds", () => {
    const plain = Buffer.concat([incompressible(1 << 20, 2), pageLike(6 << 20, 3)]);
    expect(prove(plain, encode(plain))).toBeGreaterThan(6 << 20);
  });
});
