// Proves each kind of instruction on blocks made by hand, and an error for every block that is
// cut, too long or reaches before its beginning; lzop's own blocks are in the codec suite.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { decodeLzoBlock } from "../../../src/codec/lzo-block.ts";

const END = [0x11, 0, 0];
const text = (value: string) => [...Buffer.from(value)];
const decode = (bytes: readonly number[], plainBytes: number) =>
  Buffer.from(decodeLzoBlock(Uint8Array.from(bytes), plainBytes)).toString("latin1");

describe("lzo blocks", () => {
  test.each([
    ["first literals", [17 + 5, ...text("abcde"), ...END], "abcde"],
    ["a row of literals", [1, ...text("abcd"), ...END], "abcd"],
    ["a long row", [0, 2, ...text("x".repeat(20)), ...END], "x".repeat(20)],
    ["a longer row", [0, 0, 1, ...text("y".repeat(274)), ...END], "y".repeat(274)],
    ["3 to 4 bytes, near", [1, ...text("abcd"), 0x6c, 0, ...END], "abcdabcd"],
    ["5 to 8 bytes, near", [1, ...text("abcd"), 0x8c, 0, ...END], "abcdabcda"],
    ["a match up to 16 KiB", [1, ...text("abcd"), 0x23, 0x0c, 0, ...END], "abcdabcda"],
    ["a continued length", [1, ...text("abcd"), 0x20, 1, 0x0c, 0, ...END], `${"abcd".repeat(9)}ab`],
    ["literals after a match", [1, ...text("abcd"), 0x4e, 0, 33, 63, ...END], "abcdabc!?"],
    [
      "2 bytes after few literals",
      [1, ...text("abcd"), 0x4d, 0, 33, 0x00, 0, ...END],
      "abcdabc!!!",
    ],
  ])("are read: %s", (_what, bytes, plain) => {
    expect(decode(bytes, plain.length)).toBe(plain);
  });

  test("reach 2049 back after a long row of literals, and 16 KiB and more", () => {
    const long = Array.from({ length: 17_000 }, (_, index) => index % 251);
    const zeros = Math.floor((long.length - 18 - 1) / 255);
    const row = [0, ...new Array(zeros).fill(0), long.length - 18 - zeros * 255, ...long];
    const near = decodeLzoBlock(Uint8Array.from([...row, 0, 0, ...END]), long.length + 3);
    expect([...near.slice(-3)]).toEqual(long.slice(-2049, -2049 + 3));
    const far = decodeLzoBlock(Uint8Array.from([...row, 0x12, 4, 0, ...END]), long.length + 4);
    expect([...far.slice(-4)]).toEqual(long.slice(-16385, -16385 + 4));
  });

  test.each([
    ["nothing", []],
    ["no end", [1, ...text("abcd")]],
    ["literals cut short", [1, ...text("ab")]],
    ["a match cut short", [1, ...text("abcd"), 0x20]],
    ["a match before the beginning", [1, ...text("abcd"), 0x7c, 9, ...END]],
    ["more than the container says", [2, ...text("abcde"), 0x60, 0, ...END]],
    ["less than the container says", [1, ...text("abcd"), ...END]],
    ["an end mark with a length", [1, ...text("abcd"), 0x12, 0, 0]],
    ["something behind the end", [2, ...text("abcde"), ...END, 0]],
  ])("are refused: %s", (_what, bytes) => {
    expect(() => decode(bytes, 5)).toThrow(CorruptObjectError);
  });
});
