// Proves that index and footer must agree with each other and with the size of the object.
import { describe, expect, test } from "vitest";
import { sha256Hex } from "../../../src/base/byte-fields.ts";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { FOOTER_BYTES, RECEIPTS_MAGIC, TAIL_BYTES } from "../../../src/catalog/receipts-format.ts";
import {
  decodeFooter,
  decodeIndex,
  decodeTail,
  encodeFooter,
  encodeIndex,
  expectSha256,
  type Footer,
} from "../../../src/catalog/receipts-index.ts";

const SHA = "ab".repeat(32);
const FOOTER: Footer = {
  indexOffset: 30,
  indexBytes: 70,
  indexSha256: SHA,
  isEncrypted: true,
  sectionCount: 2,
};
const INDEX = {
  sections: [
    { key: "a", partStoredBytes: 5, offset: 0, sizeBytes: 10, sha256: SHA },
    { key: "b", partStoredBytes: 6, offset: 10, sizeBytes: 20, sha256: SHA },
  ],
  documents: [{ name: "metadata.json", sizeBytes: 3, sha256: SHA }],
};

describe("the footer", () => {
  test("is 88 bytes with the magic at its end, and read as written", () => {
    const bytes = encodeFooter(FOOTER);
    expect(bytes.byteLength).toBe(FOOTER_BYTES);
    expect(new TextDecoder().decode(bytes.subarray(-8))).toBe(RECEIPTS_MAGIC);
    expect(decodeTail("x", bytes.subarray(-TAIL_BYTES))).toEqual({ version: 1, bytes: 88 });
    expect(decodeFooter("x", bytes, 30 + 70 + 88)).toEqual(FOOTER);
  });

  test("of an object of another size is refused", () => {
    expect(() => decodeFooter("x", encodeFooter(FOOTER), 189)).toThrow(CorruptObjectError);
  });

  test("without the magic is refused", () => {
    expect(() => decodeTail("x", new Uint8Array(88))).toThrow("does not end as receipts do");
    expect(() => decodeTail("x", new Uint8Array(3))).toThrow("does not end as receipts do");
  });

  test("with any bit flipped is refused", () => {
    const bytes = encodeFooter(FOOTER);
    for (let bit = 0; bit < bytes.byteLength * 8; bit += 1) {
      const copy = bytes.slice();
      copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => decodeFooter("x", copy, 188)).toThrow(CorruptObjectError);
    }
  });
});

describe("the index", () => {
  test("is read as written, places from the lengths", () => {
    expect(decodeIndex("x", encodeIndex(INDEX), FOOTER)).toEqual(INDEX);
  });

  test.each([
    { ...FOOTER, sectionCount: 3 },
    { ...FOOTER, indexOffset: 31 },
  ])("is refused when the footer says otherwise", (footer) => {
    expect(() => decodeIndex("x", encodeIndex(INDEX), footer)).toThrow("disagree");
  });

  test("of every prefix is refused", () => {
    const bytes = encodeIndex(INDEX);
    for (let end = 0; end < bytes.byteLength; end += 1) {
      expect(() => decodeIndex("x", bytes.subarray(0, end), FOOTER)).toThrow(CorruptObjectError);
    }
  });
});

test("a hash that differs names the object and both hashes", () => {
  expect(() => expectSha256("the object", new Uint8Array(1), SHA)).toThrow(
    `the object: SHA-256 is ${sha256Hex(new Uint8Array(1))}, ${SHA} was recorded`,
  );
});
