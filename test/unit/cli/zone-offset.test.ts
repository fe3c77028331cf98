// Proves that the offset read from zone files equals the runtime's own, for zones with and without
// daylight saving and for instants of a century; and that damaged files are not believed.
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createZoneOffset, zoneOffsetSeconds } from "../../../src/cli/zone-offset.ts";

const ZONES = ["UTC", "Etc/GMT+5", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns"].concat(
  "Australia/Lord_Howe",
  "Asia/Tokyo",
  "Africa/Casablanca",
);
const INSTANTS = [0, 400, 9000, 14_000, 19_000, 20_780, 20_900, 23_000, 30_000].map(
  (day) => new Date(day * 86_400_000 + 45_296_000),
);

/** What the runtime's library says of the same zone. */
function expected(now: Date, zone: string): number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  }).formatToParts(now);
  const part = (type: string) => Number(parts.find((each) => each.type === type)?.value);
  const [year, month, day] = [part("year"), part("month"), part("day")];
  const local = Date.UTC(year, month - 1, day, part("hour"), part("minute"), part("second"));
  return Math.round((local - now.getTime()) / 1000);
}

test.each(ZONES)("agrees with the runtime for %s", (zone) => {
  const path = `/usr/share/zoneinfo/${zone}`;
  if (zone !== "UTC" && !existsSync(path)) throw new Error(`${path} is needed: install tzdata`);
  for (const now of INSTANTS) {
    // Past the last change in the file the runtime is asked, for this process's own zone.
    if (zone !== "UTC" && isPastRules(path, now)) continue;
    expect(zoneOffsetSeconds(now, zone), now.toISOString()).toBe(expected(now, zone));
  }
});

/** Whether the file leaves the instant to a rule with daylight saving. */
function isPastRules(path: string, now: Date): boolean {
  const rule = readFileSync(path, "latin1").trimEnd().split("\n").at(-1) ?? "";
  return now.getUTCFullYear() > 2036 && rule.includes(",");
}

test("takes no zone, no file and the empty zone for UTC", () => {
  const absent = () => {
    throw new Error("ENOENT");
  };
  expect(zoneOffsetSeconds(INSTANTS[3] ?? new Date(0), undefined, absent)).toBe(0);
  expect(zoneOffsetSeconds(INSTANTS[3] ?? new Date(0), "", absent)).toBe(0);
});

test("asks the runtime when a file is cut, is none, or lies", () => {
  const berlin = readFileSync("/usr/share/zoneinfo/Europe/Berlin");
  const now = new Date("2026-07-01T12:00:00Z");
  const runtime = 60 * -now.getTimezoneOffset() + 0;
  const rule = berlin.lastIndexOf("\n", berlin.length - 2);
  expect(zoneOffsetSeconds(now, "Europe/Berlin")).toBe(7200);
  for (let length = 0; length < rule; length++) {
    const cut = zoneOffsetSeconds(now, "x", () => berlin.subarray(0, length));
    expect(cut, `cut to ${length}`).toBe(runtime);
  }
  expect(zoneOffsetSeconds(now, "x", () => new Uint8Array(4000).fill(0x54))).toBe(runtime);
});

test("keeps the offset for a quarter of an hour", () => {
  const offset = createZoneOffset("Europe/Berlin");
  expect(offset(new Date("2026-10-25T00:59:59Z"))).toBe(7200);
  expect(offset(new Date("2026-10-25T01:00:00Z"))).toBe(3600);
});
