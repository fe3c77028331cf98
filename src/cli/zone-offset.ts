import { readFileSync } from "node:fs";

/**
 * Seconds that local time is ahead of UTC. The runtime's own answer loads its time zone library,
 * which takes longer than all else at the start of a command; a zone file is 3 KB.
 *
 * Zone file (RFC 8536): "TZif", version, 15 bytes unused, six counts of 4 bytes: isut, isstd,
 * leap, time, type, char. Then a block with 4-byte times; from version 2 on the same again with
 * 8-byte times, and a line with the rule for what comes after the last of them.
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
  return readOffset(file, Math.floor(now.getTime() / 1000)) ?? askRuntime(now);
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

const HEADER_BYTES = 44;

/** undefined: the file does not tell, or is none. */
function readOffset(file: Uint8Array, nowSeconds: number): number | undefined {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const isZoneFile = (at: number) =>
    view.byteLength >= at + HEADER_BYTES && view.getUint32(at) === 0x545a6966;
  if (!isZoneFile(0) || view.getUint8(4) < 0x32) return undefined;
  const [isutFirst, isstdFirst, leapFirst, timeFirst, typeFirst, charFirst] = counts(view, 0);
  const second =
    HEADER_BYTES + timeFirst * 5 + typeFirst * 6 + charFirst + leapFirst * 8 + isstdFirst;
  const start = second + isutFirst;
  if (!isZoneFile(start)) return undefined;
  const [isut, isstd, leap, time, type, char] = counts(view, start);
  const times = start + HEADER_BYTES;
  const types = times + time * 9;
  const rule = types + type * 6 + char + leap * 12 + isstd + isut + 1;
  if (type === 0 || rule > view.byteLength) return undefined;
  let index = -1;
  while (index + 1 < time && Number(view.getBigInt64(times + (index + 1) * 8)) <= nowSeconds)
    index++;
  const isAfterLast = index === time - 1;
  const text = new TextDecoder().decode(file.subarray(rule)).trimEnd();
  // After the last change a rule with daylight saving holds, which the runtime knows to follow.
  if (isAfterLast && text.includes(",")) return undefined;
  const typeIndex = index < 0 ? 0 : view.getUint8(times + time * 8 + index);
  return view.getInt32(types + typeIndex * 6);
}

type Counts = readonly [number, number, number, number, number, number];

function counts(view: DataView, at: number): Counts {
  const count = (index: number) => view.getUint32(at + 20 + index * 4);
  return [count(0), count(1), count(2), count(3), count(4), count(5)];
}
