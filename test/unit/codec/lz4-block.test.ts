// Proves the block format: round trips of every kind of data, blocks made by hand, and an error
// for every block that is cut, too long or reaches before its beginning.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { decodeLz4Block, Lz4BlockEncoder, lz4BlockBytesMax } from "../../../src/codec/lz4-block.ts";
import { incompressible, pageLike } from "../../support/sample-bytes.ts";

function encode(plain: Uint8Array, encoder = new Lz4BlockEncoder()): Uint8Array {
  const target = new Uint8Array(lz4BlockBytesMax(plain.byteLength));
  return target.slice(0, encoder.encode(plain, target));
}

function decode(block: Uint8Array, plainBytes: number): string {
  const target = new Uint8Array(plainBytes);
  return Buffer.from(target.subarray(0, decodeLz4Block(block, target, 0))).toString("latin1");
}

describe("lz4 blocks", () => {
  test("give back data of every kind, with one encoder for all", () => {
    const encoder = new Lz4BlockEncoder();
    for (const sizeBytes of [0, 1, 5, 12, 13, 14, 20, 270, 300, 65535, 65536, 70_000, 1 << 20]) {
      for (const plain of [
        new Uint8Array(sizeBytes),
        pageLike(sizeBytes, sizeBytes),
        incompressible(sizeBytes, sizeBytes),
      ]) {
        const block = encode(plain, encoder);
        const target = new Uint8Array(sizeBytes);
        expect(decodeLz4Block(block, target, 0)).toBe(sizeBytes);
        expect(Buffer.compare(target, plain)).toBe(0);
      }
    }
  });

  test("end in five literals, and no match begins in the last twelve bytes", () => {
    // One literal and a match would be the shortest block of zeros: the rules forbid its end.
    const block = encode(new Uint8Array(100));
    expect([...block.slice(-6)]).toEqual([0x50, 0, 0, 0, 0, 0]);
    expect(encode(new Uint8Array(12)).byteLength).toBe(13);
  });

  test.each([
    ["only literals", [0x30, 97, 98, 99], "abc"],
    ["a match that overlaps itself", [0x1f, 97, 1, 0, 1, 0x10, 98], "aaaaaaaaaaaaaaaaaaaaab"],
    ["a match of two letters", [0x22, 97, 98, 2, 0, 0x10, 99], "ababababc"],
    ["continued counts", [0xf0, 255, 0, ...new Array(270).fill(120)], "x".repeat(270)],
    ["a long run", [0x1f, 97, 1, 0, 255, 255, 0, 0x10, 98], `${"a".repeat(530)}b`],
  ])("are read by hand: %s", (_what, bytes, plain) => {
    expect(decode(Uint8Array.from(bytes), plain.length)).toBe(plain);
  });

  test.each([
    ["nothing", []],
    ["literals cut short", [0x30, 97]],
    ["a count cut short", [0xf0, 255]],
    ["a match cut short", [0x10, 97, 1]],
    ["a match at the end", [0x10, 97, 1, 0]],
    ["offset zero", [0x10, 97, 0, 0, 0x10, 98]],
    ["an offset before the beginning", [0x10, 97, 2, 0, 0x10, 98]],
    ["too many literals", [0xf0, 200, ...new Array(215).fill(1)]],
    ["too long a match", [0x1f, 97, 1, 0, 255, 255, 1, 0x10, 98]],
  ])("are refused: %s", (_what, bytes) => {
    expect(() => decode(Uint8Array.from(bytes), 100)).toThrow(CorruptObjectError);
  });

  test("reach back into what lies before them in the target", () => {
    const target = Uint8Array.from(Buffer.from("history........"));
    expect(decodeLz4Block(Uint8Array.of(0x03, 7, 0, 0x10, 33), target, 7)).toBe(8);
    expect(Buffer.from(target).toString()).toBe("historyhistory!");
  });
});
