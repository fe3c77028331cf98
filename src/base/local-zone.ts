import { readFileSync } from "node:fs";

/** The zone in which times are shown. A parameter, so that tests choose theirs. */
export interface LocalZone {
  /** Minutes east of UTC at that instant. */
  offsetMinutes(date: Date): number;
  /** As the zone database names it: `CET`, `+03`. undefined: unknown. */
  abbreviation(date: Date): string | undefined;
}

export const UTC_ZONE: LocalZone = { offsetMinutes: () => 0, abbreviation: () => "UTC" };

/** The zone of this process. Its abbreviations are read from the system's zone database. */
export function systemZone(): LocalZone {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  let abbreviations: readonly Abbreviation[] | undefined;
  return {
    offsetMinutes: (date) => -date.getTimezoneOffset() || 0,
    abbreviation: (date) => {
      abbreviations ??= readAbbreviations(name);
      const offset = -date.getTimezoneOffset() * 60;
      return abbreviationAt(abbreviations, { seconds: date.getTime() / 1000, offset });
    },
  };
}

/** From `fromSeconds` on (since 1970) the zone is `offset` seconds east and called `text`. */
interface Abbreviation {
  readonly fromSeconds: number;
  readonly offset: number;
  readonly text: string;
}

/**
 * The name in force at an instant. Past the last transition of the file the years repeat by a
 * rule; the newest name with the offset in force (which the runtime knows) is then the right one.
 */
function abbreviationAt(
  all: readonly Abbreviation[],
  instant: { readonly seconds: number; readonly offset: number },
): string | undefined {
  const past = all.filter((one) => one.fromSeconds <= instant.seconds);
  const inForce = past.at(-1);
  if (inForce?.offset === instant.offset) return inForce.text;
  return past.findLast((one) => one.offset === instant.offset)?.text;
}

function readAbbreviations(zoneName: string): readonly Abbreviation[] {
  if (zoneName === "UTC" || zoneName === "Etc/UTC") {
    return [{ fromSeconds: Number.NEGATIVE_INFINITY, offset: 0, text: "UTC" }];
  }
  for (const path of [`/usr/share/zoneinfo/${zoneName}`, "/etc/localtime"]) {
    try {
      return parseZoneFile(readFileSync(path));
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
 */
export function parseZoneFile(bytes: Uint8Array): readonly Abbreviation[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const counts = (at: number) => {
    if (view.getUint32(at) !== 0x545a6966) throw new RangeError("not a zone file");
    const [isUt, isStd, leap, time, type, char] = [20, 24, 28, 32, 36, 40].map((field) =>
      view.getUint32(at + field),
    ) as [number, number, number, number, number, number];
    return { isUt, isStd, leap, time, type, char };
  };
  if (view.getUint8(4) < 0x32) throw new RangeError("a zone file of version 1");
  const old = counts(0);
  const skipped = old.time * 5 + old.type * 6 + old.char + old.leap * 8 + old.isStd + old.isUt;
  const start = 44 + skipped;
  const { time, type, char } = counts(start);
  const times = start + 44;
  const indexes = times + time * 8;
  const types = indexes + time;
  const names = types + type * 6;
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
