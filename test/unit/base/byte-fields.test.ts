// Proves that fields are read as written, that no read passes the end, and that a number has one
// form.
import { describe, expect, test } from "vitest";
import { ByteReader, ByteWriter, sha256Hex } from "../../../src/base/byte-fields.ts";
import { CorruptObjectError } from "../../../src/base/errors.ts";

const SIZES = [
  0,
  1,
  127,
  128,
  16383,
  16384,
  2 ** 31,
  2 ** 32 + 1,
  2 ** 49,
  Number.MAX_SAFE_INTEGER,
];
const SHA = sha256Hex(new TextEncoder().encode("abc"));

function sample(): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(7);
  for (const size of SIZES) writer.varint(size);
  writer.u64(0xffff_ffff_ffff_fffen);
  writer.text("päth/\u{1f600}");
  writer.sha256(SHA);
  writer.bytes(new Uint8Array(5000).fill(3));
  return writer.done();
}

function readSample(bytes: Uint8Array): void {
  const reader = new ByteReader("x", bytes);
  expect(reader.u8()).toBe(7);
  for (const size of SIZES) expect(reader.varint()).toBe(size);
  expect(reader.u64()).toBe(0xffff_ffff_ffff_fffen);
  expect(reader.text()).toBe("päth/\u{1f600}");
  expect(reader.sha256()).toBe(SHA);
  expect(reader.bytes(5000)).toEqual(new Uint8Array(5000).fill(3));
  reader.end();
}

describe("byte fields", () => {
  test("are read as written", () => {
    expect(SHA).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    readSample(sample());
  });

  test("of every prefix are refused", () => {
    const bytes = sample();
    for (let end = 0; end < bytes.byteLength; end += 7) {
      expect(() => readSample(bytes.subarray(0, end))).toThrow(CorruptObjectError);
    }
  });

  test("with bytes behind them are refused", () => {
    expect(() => readSample(new Uint8Array([...sample(), 0]))).toThrow("1 bytes too many");
  });

  test.each([
    ["with a needless zero byte", [0x80, 0x00]],
    ["past 2^53", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ["that does not end", [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ])("refuses a number %s", (_, bytes) => {
    const reader = new ByteReader("the object", Uint8Array.from(bytes));
    expect(() => reader.varint()).toThrow("the object: a number is not well formed");
  });

  test("refuses a count of more things than can be there", () => {
    const reader = new ByteReader("x", Uint8Array.from([3, 0, 0]));
    expect(() => reader.count(1)).toThrow("3 things are promised");
  });

  test("refuses text that is not UTF-8", () => {
    const reader = new ByteReader("x", Uint8Array.from([1, 0xff]));
    expect(() => reader.text()).toThrow("not UTF-8");
  });

  test.each([-1, 1.5, 2 ** 53, Number.NaN])("does not write %d as a size", (size) => {
    expect(() => new ByteWriter().varint(size)).toThrow(RangeError);
  });

  test("does not write half a character or half a hash", () => {
    expect(() => new ByteWriter().text("\ud83d")).toThrow(RangeError);
    expect(() => new ByteWriter().sha256("abcd")).toThrow(RangeError);
  });
});
