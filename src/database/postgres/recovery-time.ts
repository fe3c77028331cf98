import { UsageError } from "../../base/errors.ts";
import type { LocalZone } from "../../base/local-zone.ts";

const DATE = String.raw`(\d{4})-(\d{2})-(\d{2})`;
const CLOCK = String.raw`(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?`;
const ZONE = String.raw`Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?`;
const FORM = new RegExp(`^${DATE}(?:[T ]${CLOCK})?\\s*(${ZONE})?$`, "i");

/** Microseconds since 1970: PostgreSQL's own resolution, which a Date lacks. */
export type InstantMicros = bigint;

/**
 * `--target-time` → instant. ISO 8601 or the server's own output form; without a zone it is
 * local time. A time that the local clock skips or shows twice is refused: only a zone says which
 * instant is meant.
 */
export function parseTargetTime(text: string, zone: LocalZone): InstantMicros {
  const match = FORM.exec(text.trim());
  const [year, month, day, hour, minute, second] = (match?.slice(1, 7) ?? []).map((field) =>
    Number(field ?? 0),
  );
  const wall = new Date(0);
  wall.setUTCFullYear(year ?? 0, (month ?? 0) - 1, day);
  wall.setUTCHours(hour ?? 0, minute, second);
  const isReal =
    match !== null &&
    wall.getUTCMonth() + 1 === month &&
    wall.getUTCDate() === day &&
    (hour ?? 0) < 24 &&
    (minute ?? 0) < 60 &&
    (second ?? 0) < 60;
  if (!isReal) throw malformed(text);
  const fraction = BigInt((match[7] ?? "").padEnd(6, "0"));
  const offsetMinutes = offsetOf(match[8]) ?? localOffset(wall, { zone, text });
  return (BigInt(wall.getTime()) - BigInt(offsetMinutes) * 60_000n) * 1000n + fraction;
}

/** As the server reads it, in UTC: `2026-11-24 02:20:27.976712+00`. */
export function formatTargetTime(micros: InstantMicros): string {
  const seconds = new Date(Number(micros / 1000n)).toISOString().slice(0, 19).replace("T", " ");
  const digits = (micros % 1_000_000n).toString().padStart(6, "0").replace(/0+$/, "");
  return `${seconds}${digits === "" ? "" : `.${digits}`}+00`;
}

/** Minutes east of UTC; undefined: no zone was given. */
function offsetOf(zone: string | undefined): number | undefined {
  if (zone === undefined) return undefined;
  const match = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone);
  if (match === null) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3] ?? 0);
  return match[1] === "-" ? -minutes : minutes;
}

function localOffset(
  wall: Date,
  facts: { readonly zone: LocalZone; readonly text: string },
): number {
  const { zone, text } = facts;
  // Offsets in force around the instant, whichever it is; zones lie within 15 hours of UTC.
  const offsets = new Set(
    [-15, 0, 15].map((hours) => zone.offsetMinutes(new Date(wall.getTime() + hours * 3_600_000))),
  );
  const fitting = [...offsets].filter((offset) => {
    return zone.offsetMinutes(new Date(wall.getTime() - offset * 60_000)) === offset;
  });
  const [only, ...others] = fitting;
  if (only !== undefined && others.length === 0) return only;
  const how = only === undefined ? "skipped by" : "twice on";
  throw new UsageError(
    `--target-time ${JSON.stringify(text)} is ${how} the local clock`,
    "Add the zone, as in 2026-10-25 02:30:00+01.",
  );
}

function malformed(text: string): UsageError {
  return new UsageError(
    `--target-time ${JSON.stringify(text)} is not a time`,
    "A time looks like 2026-11-24 02:20:27.976712+00; without zone it is local time.",
  );
}
