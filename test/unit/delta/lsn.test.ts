// Proves that an LSN survives as text and as number, and that nothing else is taken for one.
import { expect, test } from "vitest";
import { formatLsn, parseLsn, toLsn } from "../../../src/delta/lsn.ts";

test.each([
  ["0/0", 0n],
  ["0/16B3748", 0x16b3748n],
  ["16/B374D848", 0x16_b374_d848n],
  ["FFFFFFFF/FFFFFFFF", 0xffff_ffff_ffff_ffffn],
])("%s", (text, value) => {
  expect(parseLsn(text)).toBe(value);
  expect(formatLsn(toLsn(value))).toBe(text);
});

test("takes lower case and leading zeros", () => {
  expect(parseLsn("00000016/b374d848")).toBe(parseLsn("16/B374D848"));
});

test.each(["", "0", "0/", "/0", "0/123456789", "0x0/1", "0/1 ", "1/2/3", "g/1", "16B3748"])(
  "%j is no LSN",
  (text) => {
    expect(() => parseLsn(text)).toThrow(/not an LSN/);
  },
);

test("refuses numbers outside of 64 bits", () => {
  expect(() => toLsn(-1n)).toThrow(RangeError);
  expect(() => toLsn(1n << 64n)).toThrow(RangeError);
});
