import { type Lsn, toLsn } from "./lsn.ts";

/** What one file of `pg_wal/summaries` is about: the WAL of a timeline in `[startLsn, endLsn)`. */
export interface WalSummaryRange {
  readonly timeline: number;
  readonly startLsn: Lsn;
  readonly endLsn: Lsn;
}

/** Five numbers of 32 bits: timeline, high and low half of the start, of the end. */
const NAME = /^([0-9A-F]{8})([0-9A-F]{16})([0-9A-F]{16})\.summary$/;

/** undefined for other names: the server leaves `temp.summary` behind when it is interrupted. */
export function parseWalSummaryName(name: string): WalSummaryRange | undefined {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  return {
    timeline: Number.parseInt(match[1] ?? "", 16),
    startLsn: toLsn(BigInt(`0x${match[2]}`)),
    endLsn: toLsn(BigInt(`0x${match[3]}`)),
  };
}

export function formatWalSummaryName({ timeline, startLsn, endLsn }: WalSummaryRange): string {
  const hex = (value: bigint | number, digits: number) =>
    value.toString(16).toUpperCase().padStart(digits, "0");
  return `${hex(timeline, 8)}${hex(startLsn, 16)}${hex(endLsn, 16)}.summary`;
}
