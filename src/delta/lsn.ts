import { UsageError } from "../base/errors.ts";

/** Position in the WAL, 64 bits unsigned. */
export type Lsn = bigint & { readonly __brand: "Lsn" };

const MAX = 0xffff_ffff_ffff_ffffn;

export function toLsn(value: bigint): Lsn {
  if (value < 0n || value > MAX) throw new RangeError(`LSN out of range: ${value}`);
  return value as Lsn;
}

/** `0/16B3748` → 0x16B3748. Throws `UsageError` on anything else. */
export function parseLsn(text: string): Lsn {
  const match = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text);
  if (match === null) {
    throw new UsageError(
      `not an LSN: ${JSON.stringify(text)}`,
      "An LSN looks like 0/16B3748: two hexadecimal numbers with a slash between them.",
    );
  }
  return ((BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`)) as Lsn;
}

export function laterLsn(one: Lsn, other: Lsn): Lsn {
  return one < other ? other : one;
}

/** 0x16B3748 → `0/16B3748`, as the server prints it. */
export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffff_ffffn).toString(16)}`.toUpperCase();
}
