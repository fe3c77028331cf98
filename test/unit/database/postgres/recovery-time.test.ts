// Proves that target times keep their microseconds, that a time without zone is local, and that one
// which the local clock skips or shows twice is refused.
import { describe, expect, it } from "vitest";
import { type LocalZone, UTC_ZONE } from "../../../../src/base/local-zone.ts";
import {
  formatTargetTime,
  parseTargetTime,
} from "../../../../src/database/postgres/recovery-time.ts";

/** One hour east; two from 2026-03-29 01:00 UTC to 2026-10-25 01:00 UTC. */
const EUROPE: LocalZone = {
  offsetMinutes: (date) => {
    const isSummer =
      date.getTime() >= Date.UTC(2026, 2, 29, 1) && date.getTime() < Date.UTC(2026, 9, 25, 1);
    return isSummer ? 120 : 60;
  },
  abbreviation: () => undefined,
};

const resolved = (text: string, zone: LocalZone = UTC_ZONE) =>
  formatTargetTime(parseTargetTime(text, zone));

describe("target time", () => {
  it.each([
    ["2026-11-24 02:20:27.976712+00", "2026-11-24 02:20:27.976712+00"],
    ["2026-11-24T02:20:27.976712Z", "2026-11-24 02:20:27.976712+00"],
    ["2026-11-24 02:20:27.5 UTC", "2026-11-24 02:20:27.5+00"],
    ["2026-11-24 02:20:27+0530", "2026-11-23 20:50:27+00"],
    ["2026-11-24 02:20:27-03:30", "2026-11-24 05:50:27+00"],
    ["2026-11-24 02:20", "2026-11-24 02:20:00+00"],
    ["2026-11-24", "2026-11-24 00:00:00+00"],
    ["2019-02-28 23:59:59.000001+01", "2019-02-28 22:59:59.000001+00"],
  ])("%s is %s", (text, instant) => {
    expect(resolved(text)).toBe(instant);
  });

  it.each([
    ["2026-01-15 12:00:00", "2026-01-15 11:00:00+00"],
    ["2026-07-15 12:00:00", "2026-07-15 10:00:00+00"],
    ["2026-03-29 03:00:00", "2026-03-29 01:00:00+00"],
    ["2026-10-25 03:00:00", "2026-10-25 02:00:00+00"],
    ["2026-10-25 02:30:00+01", "2026-10-25 01:30:00+00"],
  ])("%s on the local clock is %s", (text, instant) => {
    expect(resolved(text, EUROPE)).toBe(instant);
  });

  it("is refused where the local clock is set", () => {
    expect(() => parseTargetTime("2026-03-29 02:30:00", EUROPE)).toThrow(/skipped by the local/);
    expect(() => parseTargetTime("2026-10-25 02:30:00", EUROPE)).toThrow(/twice on the local/);
  });

  it.each([
    "",
    "yesterday",
    "2026",
    "2026-02-30",
    "2026-13-01",
    "2026-01-01 24:00",
    "2026-01-01 10:60",
    "2026-01-01 10:00:60",
    "2026-01-01 10",
    "1767225600",
    "2026-01-01 10:00 PST",
  ])("%j is refused", (text) => {
    expect(() => parseTargetTime(text, UTC_ZONE)).toThrow(/is not a time/);
  });
});
