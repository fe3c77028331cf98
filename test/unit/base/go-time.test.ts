// Proves that instants are read and printed as Go does it, to the nanosecond and in any zone.
import { describe, expect, test } from "vitest";
import {
  dateOfGoTime,
  formatGoSeconds,
  formatGoString,
  formatGoTime,
  formatRfc850,
  GO_ZERO_TIME,
  goTimeOfDate,
  parseGoTime,
} from "../../../src/base/go-time.ts";

describe("Go's times", () => {
  test.each([
    "2026-11-24T02:20:26.407138Z",
    "2026-11-24T02:20:25.0451471Z",
    "2026-11-24T02:20:24.953147103Z",
    "2026-01-03T04:00:00.000000001+01:00",
    "2026-01-01T10:00:00.5+01:00",
    "2026-01-03T03:59:58-09:30",
    "1969-12-31T23:59:59.999999999Z",
    "0001-01-01T00:00:00Z",
    "2024-02-29T12:00:00Z",
  ])("prints %s as it was read", (text) => {
    const time = parseGoTime(text);
    expect(time).toBeDefined();
    expect(time && formatGoTime(time)).toBe(text);
  });

  test("reads the same instant in two zones as equal nanoseconds", () => {
    const utc = parseGoTime("2026-01-03T03:00:00.000000001Z");
    const paris = parseGoTime("2026-01-03T04:00:00.000000001+01:00");
    expect(utc?.ns).toBe(paris?.ns);
    expect(utc?.ns).toBe(1767409200000000001n);
  });

  test("takes more digits than nine, without rounding, and what toISOString prints", () => {
    expect(parseGoTime("2026-01-01T00:00:00.1234567899Z")?.ns).toBe(1767225600123456789n);
    expect(parseGoTime(new Date(1767225600123).toISOString())?.ns).toBe(1767225600123000000n);
    expect(parseGoTime("2026-01-01T00:00:00+00:00")?.offsetMinutes).toBe(0);
  });

  test.each([
    "",
    "2026-01-01",
    "2026-01-01T00:00:00",
    "2026-01-01 00:00:00Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T00:60:00Z",
    "2026-01-01T00:00:60Z",
    "2026-01-01T00:00:00.Z",
    "2026-01-01T00:00:00+24:00",
    "2026-01-01T00:00:00+01:60",
    "2026-01-01T00:00:00+0100",
    "2026-01-01T00:00:00z ",
  ])("refuses %j", (text) => {
    expect(parseGoTime(text)).toBeUndefined();
  });

  test("knows Go's zero time", () => {
    expect(formatGoTime(GO_ZERO_TIME)).toBe("0001-01-01T00:00:00Z");
    expect(parseGoTime("0001-01-01T00:00:00Z")?.ns).toBe(GO_ZERO_TIME.ns);
  });

  test("goes to Date and back", () => {
    const date = new Date("2026-05-06T07:08:09.123Z");
    expect(dateOfGoTime(goTimeOfDate(date)).getTime()).toBe(date.getTime());
    expect(dateOfGoTime({ ns: -1n, offsetMinutes: 0 }).getTime()).toBe(-1);
  });

  test("prints seconds only", () => {
    expect(formatGoSeconds({ ns: 1767225600_999_999_999n, offsetMinutes: 330 })).toBe(
      "2026-01-01T05:30:00+05:30",
    );
  });

  test.each([
    [0, "UTC", "Thursday, 01-Jan-26 00:00:00 UTC"],
    [0, undefined, "Thursday, 01-Jan-26 00:00:00 UTC"],
    [60, "CET", "Thursday, 01-Jan-26 01:00:00 CET"],
    [-480, "PST", "Wednesday, 31-Dec-25 16:00:00 PST"],
    [345, undefined, "Thursday, 01-Jan-26 05:45:00 +0545"],
  ])("prints RFC 850 %i minutes east, called %s", (offsetMinutes, zone, text) => {
    expect(formatRfc850({ ns: 1767225600n * 1_000_000_000n, offsetMinutes }, zone)).toBe(text);
  });

  test.each([
    [0n, 0, "UTC", "2026-01-01 00:00:00 +0000 UTC"],
    [123_000_000n, 60, "CET", "2026-01-01 01:00:00.123 +0100 CET"],
    [1n, -480, "PST", "2025-12-31 16:00:00.000000001 -0800 PST"],
    [0n, 345, "+0545", "2026-01-01 05:45:00 +0545 +0545"],
    [0n, 345, undefined, "2026-01-01 05:45:00 +0545 +0545"],
  ])(
    "prints %i ns, %i minutes east, called %s, as Go's String",
    (ns, offsetMinutes, name, text) => {
      const time = { ns: 1767225600n * 1_000_000_000n + ns, offsetMinutes };
      expect(formatGoString(time, { abbreviation: () => name })).toBe(text);
    },
  );
});
