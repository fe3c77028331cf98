import type { Lsn } from "./lsn.ts";
import type { WalSummaryRange } from "./wal-summary-name.ts";

/** Which summaries tell all about a range of WAL, or where the first hole is. */
export type SummaryCover =
  | { readonly kind: "covered"; readonly summaries: readonly WalSummaryRange[] }
  | { readonly kind: "hole"; readonly range: WalSummaryRange; readonly missingLsn: Lsn };

/**
 * Proves that every byte of the wanted ranges, each on its own timeline, is told about. As in the
 * server (walsummary.c), summaries may overlap each other and the ends of a range: what they tell
 * about WAL outside of it only makes the record larger.
 */
export function coverRanges(
  wanted: readonly WalSummaryRange[],
  available: readonly WalSummaryRange[],
): SummaryCover {
  const summaries: WalSummaryRange[] = [];
  for (const range of wanted) {
    const overlapping = available
      .filter(({ timeline }) => timeline === range.timeline)
      .filter(({ startLsn, endLsn }) => startLsn < range.endLsn && endLsn > range.startLsn)
      .sort((a, b) => compareLsn(a.startLsn, b.startLsn));
    let coveredTo = range.startLsn;
    for (const { startLsn, endLsn } of overlapping) {
      if (startLsn > coveredTo) break;
      if (endLsn > coveredTo) coveredTo = endLsn;
    }
    if (coveredTo < range.endLsn) return { kind: "hole", range, missingLsn: coveredTo };
    summaries.push(...overlapping);
  }
  return { kind: "covered", summaries };
}

function compareLsn(a: Lsn, b: Lsn): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
