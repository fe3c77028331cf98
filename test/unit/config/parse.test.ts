// Proves that values are read as Go reads them, by tables of good and bad texts.
import { expect, test } from "vitest";
import {
  parseDurationMs,
  parseFlag,
  parseFraction,
  parseSizeBytes,
  parseWhole,
  wholeOfDecimal,
} from "../../../src/config/parse.ts";

test("reads fractions from 0 to 1, and nothing else", () => {
  expect(["0", "1", "0.88", ".5", "1.0", "0."].map(parseFraction)).toEqual([0, 1, 0.88, 0.5, 1, 0]);
  for (const text of ["", ".", "2", "1.01", "-0.1", "1e-1", "0,5", "NaN", "00.5"]) {
    expect(parseFraction(text)).toBeUndefined();
  }
});

test.each(["1", "t", "T", "true", "TRUE", "True"])("reads %s as true", (text) => {
  expect(parseFlag(text)).toBe(true);
});

test.each(["0", "f", "F", "false", "FALSE", "False"])("reads %s as false", (text) => {
  expect(parseFlag(text)).toBe(false);
});

test.each(["", "yes", "no", "on", "tRUE", " true", "2"])("refuses %j as a boolean", (text) => {
  expect(parseFlag(text)).toBeUndefined();
});

test.each([
  ["0", 0],
  ["16", 16],
  ["-1", -1],
  ["+5", 5],
  ["9007199254740991", 9007199254740991],
])("reads %s as a whole number", (text, value) => {
  expect(parseWhole(text)).toBe(value);
});

test.each(["", "1.0", "1e3", "0x10", "abc", "1 ", "9007199254740992"])(
  "refuses %j as a whole number",
  (text) => {
    expect(parseWhole(text)).toBeUndefined();
  },
);

test.each([
  ["0", 0],
  ["30s", 30_000],
  ["15m", 900_000],
  ["1h30m", 5_400_000],
  ["720h", 2_592_000_000],
  ["1.5m", 90_000],
  [".5s", 500],
  ["250ms", 250],
  ["1h0m0.5s", 3_600_500],
  ["+2s", 2000],
  ["1000us", 1],
  ["1000µs", 1],
  ["1000000ns", 1],
])("reads %s as a duration", (text, ms) => {
  expect(parseDurationMs(text)).toBeCloseTo(ms, 9);
});

test.each(["", "+", "30", "30 s", "1d", "s", "1h30", "-5s", "1h-5m", "30sec"])(
  "refuses %j as a duration",
  (text) => {
    expect(parseDurationMs(text)).toBeUndefined();
  },
);

test.each([
  ["1048576", 1_048_576],
  ["1mb", 1_048_576],
  ["512kb", 524_288],
  ["1 GiB", 1_073_741_824],
  ["1.5K", 1536],
  ["7b", 7],
])("reads %s as a size", (text, bytes) => {
  expect(parseSizeBytes(text)).toBe(bytes);
});

test.each(["", "mb", "1xb", "-1mb", "1mbit", "99999999pb"])("refuses %j as a size", (text) => {
  expect(parseSizeBytes(text)).toBeUndefined();
});

test.each([
  ["1e8", "100000000"],
  ["10485760.0", "10485760"],
  ["-1.50e2", "-150"],
  ["1500e-2", "15"],
  ["0.0", "0"],
  ["12345678901234567890", "12345678901234567890"],
])("knows that %s is %s", (text, whole) => {
  expect(wholeOfDecimal(text)).toBe(whole);
});

test.each(["1.5", "1e-1", "12e-1", "1e300", "1e-300", "abc", ""])(
  "finds no whole number in %j",
  (text) => {
    expect(wholeOfDecimal(text)).toBeUndefined();
  },
);
