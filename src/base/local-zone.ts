import { readFileSync } from "node:fs";

/** The zone in which times are shown. A parameter, so that tests choose theirs. */
export interface LocalZone {
  /** Minutes east of UTC at that instant. */
  offsetMinutes(date: Date): number;
  /** As the zone database names it: `CET`, `+03`. undefined: unknown. */
  abbreviation(date: Date): string | undefined;
}

export const UTC_ZONE: LocalZone = { offsetMinutes: () => 0, abbreviation: () => "UTC" };

const ZONE_FOLDERS = ["/usr/share/zoneinfo"];

/** The zone of this process. Its abbreviations are read from the system's zone database. */
export function systemZone(): LocalZone {
  // Only when a name is asked for: `Intl` takes eight megabytes, and most callers need offsets.
  const name = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
  return zoneOf(name, ZONE_FOLDERS, (date) => -date.getTimezoneOffset() || 0);
}

/** A zone by its name in the zone database: `Europe/Paris`. */
export function zoneNamed(name: string, folders: readonly string[] = ZONE_FOLDERS): LocalZone {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: name,
    timeZoneName: "longOffset",
    year: "numeric",
  });
  return zoneOf(
    () => name,
    folders,
    (date) => {
      const text = format.formatToParts(date).find((part) => part.type === "timeZoneName")?.value;
      const match = /([+-])(\d\d):(\d\d)/.exec(text ?? "");
      if (match === null) return 0;
      return (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
    },
  );
}

function zoneOf(
  name: () => string,
  folders: readonly string[],
  offsetMinutes: (date: Date) => number,
): LocalZone {
  let names: readonly ZonePeriod[] | undefined;
  return {
    offsetMinutes,
    abbreviation: (date) => {
      names ??= readPeriods(name(), folders);
      return nameAt(names, { seconds: date.getTime() / 1000, offset: offsetMinutes(date) * 60 });
    },
  };
}

/** From `fromSeconds` on (since 1970) the zone is `offset` seconds east and called `text`. */
export interface ZonePeriod {
  readonly fromSeconds: number;
  readonly offset: number;
  readonly text: string;
}

/**
 * The name in force at an instant. Past the last transition of the file the years repeat by a
 * rule; the newest name with the offset in force (which the runtime knows) is then the right one.
 */
function nameAt(
  periods: readonly ZonePeriod[],
  instant: { readonly seconds: number; readonly offset: number },
): string | undefined {
  const past = periods.filter((period) => period.fromSeconds <= instant.seconds);
  return past.findLast((period) => period.offset === instant.offset)?.text;
}

function readPeriods(zoneName: string, folders: readonly string[]): readonly ZonePeriod[] {
  if (zoneName === "UTC" || zoneName === "Etc/UTC") {
    return [{ fromSeconds: Number.NEGATIVE_INFINITY, offset: 0, text: "UTC" }];
  }
  for (const folder of folders) {
    try {
      return parseZoneFile(readFileSync(`${folder}/${zoneName}`));
    } catch {
      // No zone database on this machine: the offset is printed instead of a name.
    }
  }
  return [];
}

/**
 * A TZif file (RFC 8536), version 2 or later: a version 1 block with 32-bit times, which is
 * skipped, then the same with 64-bit times.
 *
 *   header 44 bytes: "TZif", version, 15 unused, six counts: isut, isstd, leap, time, type, char
 *   time × 8 transition times, time × 1 type index, type × 6 (offset i32, isdst u8, name index u8),
 *   char bytes of names, each ended by a zero byte
 *
 * Throws `RangeError` on anything else.
 */
export function parseZoneFile(bytes: Uint8Array): readonly ZonePeriod[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint8(4) < 0x32) throw new RangeError("a zone file of version 1");
  const old = readCounts(view, 0);
  const skipped = old.time * 5 + old.type * 6 + old.char + old.leap * 8 + old.isStd + old.isUt;
  const start = 44 + skipped;
  const { time, type, char } = readCounts(view, start);
  const times = start + 44;
  const indexes = times + time * 8;
  const types = indexes + time;
  const names = types + type * 6;
  // Before anything is read: a damaged count would be followed for as long as memory lasts.
  if (bytes.byteLength < names + char) throw new RangeError("a zone file that is cut short");
  const typeAt = (index: number) => {
    const nameStart = names + view.getUint8(types + index * 6 + 5);
    const nameEnd = bytes.indexOf(0, nameStart);
    if (nameEnd < nameStart || nameEnd >= names + char) throw new RangeError("a bad zone name");
    const text = new TextDecoder().decode(bytes.subarray(nameStart, nameEnd));
    return { offset: view.getInt32(types + index * 6), text };
  };
  const transitions = Array.from({ length: time }, (_, i) => ({
    fromSeconds: Number(view.getBigInt64(times + i * 8)),
    ...typeAt(view.getUint8(indexes + i)),
  }));
  return [{ fromSeconds: Number.NEGATIVE_INFINITY, ...typeAt(0) }, ...transitions];
}

function readCounts(view: DataView, at: number) {
  if (view.getUint32(at) !== 0x545a6966) throw new RangeError("not a zone file");
  const count = (field: number) => view.getUint32(at + field);
  return {
    isUt: count(20),
    isStd: count(24),
    leap: count(28),
    time: count(32),
    type: count(36),
    char: count(40),
  };
}
