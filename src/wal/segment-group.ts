import { formatSegmentName, type Segment, type SegmentName } from "./segment-name.ts";

/** One delta map covers so many segments, whatever their size; its first number is a multiple. */
export const GROUP_SEGMENTS = 16n;

/** The number of the first segment that shares a map with this one. */
export function groupStart(segmentNumber: bigint): bigint {
  return segmentNumber - (segmentNumber % GROUP_SEGMENTS);
}

/** The object that holds a group's map; `first` is the group's first segment. */
export function deltaMapName(first: Segment, segmentBytes: number): string {
  return `${formatSegmentName(first, segmentBytes)}_delta`;
}

/** The names of a group's segments, in order. */
export function groupNames(first: Segment, segmentBytes: number): readonly SegmentName[] {
  return Array.from({ length: Number(GROUP_SEGMENTS) }, (_, index) =>
    formatSegmentName({ ...first, number: first.number + BigInt(index) }, segmentBytes),
  );
}
