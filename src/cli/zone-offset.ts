import { readFileSync } from "node:fs";
import { parseZoneFile } from "../base/local-zone.ts";

/**
 * Seconds that local time is ahead of UTC. The runtime's own answer loads its time zone library,
 * which takes longer than all else at the start of a command; a zone file is 3 KB.
 */
export function zoneOffsetSeconds(
  now: Date,
  zone: string | undefined,
  readFile: (path: string) => Uint8Array = readFileSync,
): number {
  const path = zonePath(zone);
  if (path === undefined) return 0;
  let file: Uint8Array;
  try {
    file = readFile(path);
  } catch {
    return zone === undefined ? 0 : askRuntime(now);
  }
  try {
    return offsetIn(file, now.getTime() / 1000) ?? askRuntime(now);
  } catch (error) {
    if (error instanceof RangeError) return askRuntime(now);
    throw error;
  }
}

/** The same for many instants: zones change their offset at quarters of an hour only. */
export function createZoneOffset(zone: string | undefined): (now: Date) => number {
  let quarter = Number.NaN;
  let offsetSeconds = 0;
  return (now) => {
    const nowQuarter = Math.floor(now.getTime() / 900_000);
    if (nowQuarter !== quarter) {
      quarter = nowQuarter;
      offsetSeconds = zoneOffsetSeconds(now, zone);
    }
    return offsetSeconds;
  };
}

function askRuntime(now: Date): number {
  // Adding zero makes no difference but to minus zero.
  return -60 * now.getTimezoneOffset() + 0;
}

/** undefined: UTC. */
function zonePath(zone: string | undefined): string | undefined {
  if (zone === undefined) return "/etc/localtime";
  const name = zone.replace(/^:/, "");
  if (name === "" || name === "UTC" || name === "UTC0") return undefined;
  return name.startsWith("/") ? name : `/usr/share/zoneinfo/${name}`;
}

/** undefined: the file leaves the instant to a rule with daylight saving, in its last line. */
function offsetIn(file: Uint8Array, nowSeconds: number): number | undefined {
  const periods = parseZoneFile(file);
  const index = periods.findLastIndex(({ fromSeconds }) => fromSeconds <= nowSeconds);
  const last = new TextDecoder().decode(file.subarray(file.lastIndexOf(10, -2)));
  if (!last.endsWith("\n") || (index === periods.length - 1 && last.includes(",")))
    return undefined;
  return periods[index]?.offset;
}
