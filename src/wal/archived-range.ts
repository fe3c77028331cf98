import { segmentOfObject } from "./file-name.ts";
import {
  formatSegmentName,
  nextSegment,
  parseSegmentName,
  type Segment,
  type SegmentName,
} from "./segment-name.ts";

/** WAL from one segment on; `last` undefined: to the archive's end, on later timelines too. */
export interface WalRange {
  readonly first: SegmentName;
  readonly last: SegmentName | undefined;
  readonly segmentBytes: number;
}

/** What a backup needs: both ends are known. */
export interface ClosedWalRange extends WalRange {
  readonly last: SegmentName;
}

const SEGMENT_DIGITS = 24;
/** WAL-G's metadata of 16 segments lies under what their names share. */
const GROUP_DIGITS = 23;

/** `00000002.history`, with a codec's extension or bare: which timeline came of which. */
export function isTimelineHistory(objectName: string): boolean {
  return /^[0-9A-F]{8}\.history(?:\.[a-z0-9]+)?$/.test(objectName);
}

/** `<segment>_delta`: the map of the changed blocks of a group that begins with the segment. */
export function isDeltaMap(objectName: string): boolean {
  return /^[0-9A-F]{24}_delta(?:\.[a-z0-9]+)?$/.test(objectName);
}

/**
 * Whether an object of the archive belongs to a range, by WAL-G's rule: what stands before the
 * first dot lies in it. So do a segment's backup history, its `.partial`, its metadata and the map
 * that begins with it. Of timeline histories all belong to every range; this does not say so.
 */
export function isInRange(objectName: string, range: Pick<WalRange, "first" | "last">): boolean {
  const stem = objectName.split(".", 1)[0] ?? "";
  const digits = stem.length === GROUP_DIGITS ? GROUP_DIGITS : SEGMENT_DIGITS;
  const name = stem.slice(0, digits);
  return (
    name >= range.first.slice(0, digits) &&
    (range.last === undefined || name <= range.last.slice(0, digits))
  );
}

/** A segment that is missing, and why it is missed. */
export interface WalHole {
  readonly segment: SegmentName;
  readonly detail: string;
}

/** Sees the names of an archive in ascending order and finds the first hole in a range. */
export class HoleFinder {
  readonly #range: WalRange;
  #hasFirst = false;
  #hasLast = false;
  #previous: Segment | undefined;
  #hole: WalHole | undefined;

  constructor(range: WalRange) {
    this.#range = range;
  }

  add(objectName: string): void {
    const name = segmentOfObject(objectName);
    if (name === undefined || !isInRange(name, this.#range)) return;
    const { first, last, segmentBytes } = this.#range;
    this.#hasFirst ||= name === first;
    this.#hasLast ||= name === last;
    const segment = parseSegmentName(name, segmentBytes);
    if (segment === undefined) return;
    const previous = this.#previous;
    this.#previous = segment;
    if (previous === undefined || previous.timeline !== segment.timeline) return;
    const next = nextSegment(previous);
    if (segment.number <= next.number) return;
    this.#hole ??= {
      segment: formatSegmentName(next, segmentBytes),
      detail: `although ${name} is there`,
    };
  }

  /** undefined: the range is whole. */
  finish(): WalHole | undefined {
    const { first, last } = this.#range;
    if (!this.#hasFirst) return { segment: first, detail: "the first one that is needed" };
    if (this.#hole !== undefined) return this.#hole;
    if (last === undefined || this.#hasLast) return undefined;
    return { segment: last, detail: "the last one that is needed" };
  }
}
