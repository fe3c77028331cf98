/** Go's strconv.ParseBool, which is what WAL-G's users have in their files. */
export function parseFlag(text: string): boolean | undefined {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return false;
  return undefined;
}

/** A whole number, sign allowed; undefined beyond 2^53. */
export function parseWhole(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** A number from 0 to 1. */
export function parseFraction(text: string): number | undefined {
  if (!/^(?:0|1)(?:\.\d*)?$|^\.\d+$/.test(text)) return undefined;
  const value = Number(text);
  return value <= 1 ? value : undefined;
}

const DIGITS_MAX = 20;

/**
 * The digits of a number of a JSON file that is whole and written otherwise: `1e8`, `10485760.0`.
 * undefined for fractions, and for numbers that are too long to be meant.
 */
export function wholeOfDecimal(text: string): string | undefined {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const shift = Number(exponent) - fraction.length;
  const digits = whole + fraction;
  if (digits.length + Math.abs(shift) > 2 * DIGITS_MAX) return undefined;
  const kept = shift < 0 ? digits.slice(0, shift) : digits + "0".repeat(shift);
  if (shift < 0 && /[^0]/.test(digits.slice(shift))) return undefined;
  const plain = kept.replace(/^0+(?=\d)/, "");
  return plain === "" || plain === "0" ? "0" : sign + plain;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's duration syntax: `30s`, `1h30m`, `1.5m`, `0`. In milliseconds, and never negative. */
export function parseDurationMs(text: string): number | undefined {
  if (text === "0") return 0;
  const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;
  let totalMs = 0;
  let position = text.startsWith("+") ? 1 : 0;
  if (position === text.length) return undefined;
  while (position < text.length) {
    part.lastIndex = position;
    const match = part.exec(text);
    if (match === null) return undefined;
    totalMs += Number(match[1]) * (UNIT_MS[match[2] ?? ""] ?? Number.NaN);
    position = part.lastIndex;
  }
  return Number.isFinite(totalMs) ? totalMs : undefined;
}

/**
 * A human size: `512kb`, `1mb`, `1 GiB`, `1048576`. Decimal and binary units alike count in
 * powers of 1024, as WAL-G's do.
 */
export function parseSizeBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?$/i.exec(text);
  if (match === null) return undefined;
  const power = ["", "k", "m", "g", "t", "p"].indexOf((match[2] ?? "").toLowerCase());
  const bytes = Math.round(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
