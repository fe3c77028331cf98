// Proves that zone names come from the system's zone database, for summer, winter and years past
// the end of the tables, and that a damaged zone file is refused.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseZoneFile, systemZone, UTC_ZONE, zoneNamed } from "../../../src/base/local-zone.ts";

const SUMMER = new Date("2026-07-01T12:00:00Z");
const WINTER = new Date("2026-01-01T12:00:00Z");

describe("zones", () => {
  test.each([
    ["Europe/Paris", SUMMER, 120, "CEST"],
    ["Europe/Paris", WINTER, 60, "CET"],
    ["Europe/Paris", new Date("2090-07-01T12:00:00Z"), 120, "CEST"],
    ["Europe/Paris", new Date("2090-01-01T12:00:00Z"), 60, "CET"],
    ["America/New_York", WINTER, -300, "EST"],
    ["Asia/Tokyo", SUMMER, 540, "JST"],
    ["Asia/Kathmandu", SUMMER, 345, "+0545"],
    ["America/Sao_Paulo", SUMMER, -180, "-03"],
    ["UTC", SUMMER, 0, "UTC"],
  ])("knows %s at %s", (name, date, offsetMinutes, abbreviation) => {
    const zone = zoneNamed(name);
    expect(zone.offsetMinutes(date)).toBe(offsetMinutes);
    expect(zone.abbreviation(date)).toBe(abbreviation);
  });

  test("does not invent a name for a zone without a file", () => {
    expect(zoneNamed("Europe/Paris", ["/nonexistent"]).abbreviation(SUMMER)).toBeUndefined();
  });

  test("the system's zone is that of this process", () => {
    const date = new Date(SUMMER);
    expect(systemZone().offsetMinutes(date)).toBe(-date.getTimezoneOffset() || 0);
    expect(systemZone().abbreviation(date)).toBeTypeOf("string");
    expect(UTC_ZONE.abbreviation(date)).toBe("UTC");
  });

  test("refuses every prefix of a zone file that ends before the names", () => {
    const bytes = readFileSync("/usr/share/zoneinfo/Europe/Paris");
    const whole = parseZoneFile(bytes);
    expect(whole.length).toBeGreaterThan(100);
    // Behind the names stand flags and the rule for later years, which are not read.
    const namesEnd = bytes.lastIndexOf("CET\0") + 4;
    for (let end = 0; end < namesEnd; end += 1) {
      expect(() => parseZoneFile(bytes.subarray(0, end)), `${end}`).toThrow(RangeError);
    }
    expect(() => parseZoneFile(Buffer.from("TZix".padEnd(200)))).toThrow(RangeError);
  });
});
