import { type Lsn, toLsn } from "../delta/lsn.ts";
import { InvalidJournalError } from "./errors.ts";
import type { Segment } from "./segment-name.ts";
import type { TimelineHistory } from "./timeline-history.ts";

/** The stretch of WAL that one timeline has on the way to a cluster's present one. */
export interface TimelineSpan {
  readonly timeline: number;
  readonly begin: Lsn;
  /** Where it was left; undefined for the last one, which goes on. */
  readonly end: Lsn | undefined;
}

/** Oldest first, without gaps; the last one is the cluster's own timeline. */
export type TimelinePath = readonly TimelineSpan[];

/** `history` undefined: the first timeline of a cluster has no history file. */
export function timelinePath(timeline: number, history: TimelineHistory | undefined): TimelinePath {
  let begin = toLsn(0n);
  const spans: TimelineSpan[] = [];
  for (const ancestor of history?.ancestors ?? []) {
    spans.push({ timeline: ancestor.timeline, begin, end: ancestor.switchLsn });
    begin = ancestor.switchLsn;
  }
  spans.push({ timeline, begin, end: undefined });
  return spans;
}

/**
 * Up to where two clusters have the same WAL. undefined when the one lies on the other's way
 * without an end: one path goes on where the other does, which equal timelines do.
 * Source: findCommonAncestorTimeline in src/bin/pg_rewind/pg_rewind.c.
 */
export function divergencePoint(one: TimelinePath, other: TimelinePath): Lsn | undefined {
  let common: readonly [TimelineSpan, TimelineSpan] | undefined;
  for (const [index, span] of one.entries()) {
    const match = other[index];
    if (match?.timeline !== span.timeline || match.begin !== span.begin) break;
    common = [span, match];
  }
  if (common === undefined) {
    throw new InvalidJournalError("timeline histories", "have no common ancestor");
  }
  const ends = common.flatMap(({ end }) => end ?? []);
  const [first, second] = ends;
  if (first === undefined) return undefined;
  return second === undefined || first < second ? first : second;
}

/**
 * The timeline under whose name a segment is found: the first segment of a timeline begins with a
 * copy of its parent's, so the youngest one that has begun in it holds everything.
 */
export function timelineOf(path: TimelinePath, number: bigint, segmentBytes: number): number {
  const end = (number + 1n) * BigInt(segmentBytes);
  const span = path.findLast(({ begin }) => begin < end);
  if (span === undefined) throw new RangeError("a path of timelines begins at LSN 0");
  return span.timeline;
}

/** Segments from the one that holds `from` to the one that holds `to`, in order. */
export function* segmentsBetween(
  path: TimelinePath,
  range: { readonly from: Lsn; readonly to: Lsn },
  segmentBytes: number,
): Generator<Segment> {
  const size = BigInt(segmentBytes);
  for (let number = range.from / size; number <= range.to / size; number += 1n) {
    yield { timeline: timelineOf(path, number, segmentBytes), number };
  }
}
