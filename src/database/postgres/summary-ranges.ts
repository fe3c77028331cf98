import type { Lsn } from "../../delta/lsn.ts";
import type { WalSummaryRange } from "../../delta/wal-summary-name.ts";
import type { TimelineHistory } from "../../wal/timeline-history.ts";

/** Of the backup that the changes are counted from. */
export interface ParentPlace {
  readonly timeline: number;
  readonly startLsn: Lsn;
}

/** Where a backup starts. */
export interface StartPlace {
  readonly timeline: number;
  readonly startLsn: Lsn;
}

/** Stretches of WAL, oldest first, one for each timeline; or why there are none. */
export type WalBetween =
  | { readonly ranges: readonly WalSummaryRange[]; readonly fault?: undefined }
  | { readonly ranges?: undefined; readonly fault: string };

/**
 * The WAL from the parent's start to the start of this backup, along the timelines. It must hold
 * the whole of the parent's own WAL as well: what the parent copied while it changed is repaired
 * by replaying that, so blocks of that time are copied again. That the parent ended on the way,
 * and before this start, is for the caller to prove.
 */
export function walBetween(
  parent: ParentPlace,
  start: StartPlace,
  history: TimelineHistory | undefined,
): WalBetween {
  const ancestors = history?.ancestors ?? [];
  const spans = [
    ...ancestors.map(({ timeline, switchLsn }) => ({ timeline, endLsn: switchLsn })),
    { timeline: start.timeline, endLsn: start.startLsn },
  ];
  const first = spans.findIndex(({ timeline }) => timeline === parent.timeline);
  if (first < 0 || (history?.timeline ?? start.timeline) !== start.timeline) {
    return {
      fault: `timeline ${parent.timeline} of the parent does not lead to ${start.timeline}`,
    };
  }
  const begin = spans[first - 1]?.endLsn;
  const ranges: WalSummaryRange[] = [];
  let from = parent.startLsn;
  for (const { timeline, endLsn } of spans.slice(first)) {
    ranges.push({ timeline, startLsn: from, endLsn });
    from = endLsn;
  }
  const isBackwards = ranges.some(({ startLsn, endLsn }) => startLsn > endLsn);
  if (isBackwards || (begin !== undefined && parent.startLsn < begin)) {
    return { fault: "the parent, this backup and the switches of timelines are out of order" };
  }
  return { ranges };
}
