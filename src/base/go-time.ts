/**
 * Instants as Go's encoders write them: RFC 3339 with up to nine fractional digits. JavaScript's
 * Date holds milliseconds; file times need nanoseconds, because an increment skips a file only
 * when its time is equal to the last digit.
 */
export interface GoTime {
  /** Nanoseconds since 1970. */
  readonly ns: bigint;
  /** Zone in which it is printed: minutes east of UTC. */
  readonly offsetMinutes: number;
}

const NS_PER_MS = 1_000_000n;
const NS_PER_MINUTE = 60_000_000_000n;
const NS_PER_SECOND = 1_000_000_000n;

const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9})\d*)?(?:Z|([+-])(\d{2}):(\d{2}))$/;

/** Go's zero time, which its encoder never leaves out: `0001-01-01T00:00:00Z`. */
export const GO_ZERO_TIME: GoTime = { ns: -62_135_596_800_000_000_000n, offsetMinutes: 0 };

export function goTimeOfDate(date: Date, offsetMinutes = 0): GoTime {
  return { ns: BigInt(date.getTime()) * NS_PER_MS, offsetMinutes };
}

export function dateOfGoTime(time: GoTime): Date {
  return new Date(Number(floorDiv(time.ns, NS_PER_MS)));
}

/** undefined: not RFC 3339, or no such day or hour. */
export function parseGoTime(text: string): GoTime | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number);
  if (year === undefined || month === undefined || day === undefined) return undefined;
  if (hour === undefined || minute === undefined || second === undefined) return undefined;
  const wall = new Date(0);
  wall.setUTCFullYear(year, month - 1, day);
  wall.setUTCHours(hour, minute, second);
  const isReal =
    wall.getUTCMonth() === month - 1 && wall.getUTCDate() === day && hour < 24 && minute < 60;
  if (!isReal || second > 59) return undefined;
  const [sign, zoneHours, zoneMinutes] = [match[8], Number(match[9] ?? 0), Number(match[10] ?? 0)];
  if (zoneHours > 23 || zoneMinutes > 59) return undefined;
  const offsetMinutes = (sign === "-" ? -1 : 1) * (zoneHours * 60 + zoneMinutes);
  const fraction = BigInt((match[7] ?? "").padEnd(9, "0"));
  return {
    ns: BigInt(wall.getTime()) * NS_PER_MS + fraction - BigInt(offsetMinutes) * NS_PER_MINUTE,
    offsetMinutes: offsetMinutes === 0 ? 0 : offsetMinutes,
  };
}

/** RFC 3339 with the fraction that there is, trailing zeros dropped; `Z` for UTC. */
export function formatGoTime(time: GoTime): string {
  return wallSeconds(time) + fractionOf(time) + zoneText(time.offsetMinutes);
}

function fractionOf(time: GoTime): string {
  const fraction = time.ns - floorDiv(time.ns, NS_PER_SECOND) * NS_PER_SECOND;
  const digits = fraction.toString().padStart(9, "0").replace(/0+$/, "");
  return digits === "" ? "" : `.${digits}`;
}

/** RFC 3339 to the second: `2026-01-02T03:04:05+01:00`. */
export function formatGoSeconds(time: GoTime): string {
  return wallSeconds(time) + zoneText(time.offsetMinutes);
}

const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** RFC 850 as Go prints it: `Monday, 02-Jan-06 15:04:05 MST`. */
export function formatRfc850(time: GoTime, zoneAbbreviation: string | undefined): string {
  const wall = wallClock(time);
  const two = (value: number) => String(value).padStart(2, "0");
  const date = [
    two(wall.getUTCDate()),
    MONTHS[wall.getUTCMonth()],
    two(wall.getUTCFullYear() % 100),
  ].join("-");
  const clock = [wall.getUTCHours(), wall.getUTCMinutes(), wall.getUTCSeconds()].map(two).join(":");
  const zone = zoneAbbreviation ?? (time.offsetMinutes === 0 ? "UTC" : zoneDigits(time, ""));
  return `${WEEKDAYS[wall.getUTCDay()]}, ${date} ${clock} ${zone}`;
}

/** As Go's `Time.String` prints it: `2026-01-02 15:04:05.25 +0100 CET`. */
export function formatGoString(
  time: GoTime,
  zone: { abbreviation(date: Date): string | undefined },
): string {
  const digits = zoneDigits(time, "");
  const clock = `${wallSeconds(time).replace("T", " ")}${fractionOf(time)}`;
  return `${clock} ${digits} ${zone.abbreviation(dateOfGoTime(time)) ?? digits}`;
}

function wallSeconds(time: GoTime): string {
  return wallClock(time).toISOString().slice(0, 19);
}

/** A Date whose UTC fields are the wall clock in the time's own zone. */
function wallClock(time: GoTime): Date {
  const local = time.ns + BigInt(time.offsetMinutes) * NS_PER_MINUTE;
  return new Date(Number(floorDiv(local, NS_PER_MS)));
}

function zoneText(offsetMinutes: number): string {
  return offsetMinutes === 0 ? "Z" : zoneDigits({ offsetMinutes }, ":");
}

function zoneDigits(time: Pick<GoTime, "offsetMinutes">, separator: string): string {
  const minutes = Math.abs(time.offsetMinutes);
  const two = (value: number) => String(value).padStart(2, "0");
  const sign = time.offsetMinutes < 0 ? "-" : "+";
  return sign + two(Math.floor(minutes / 60)) + separator + two(minutes % 60);
}

function floorDiv(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}
