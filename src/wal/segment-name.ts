import { type Lsn, toLsn } from "../delta/lsn.ts";

/** A WAL file name of 24 upper-case hex digits: timeline, log, segment. */
export type SegmentName = string & { readonly __brand: "SegmentName" };

export interface Segment {
  readonly timeline: number;
  /** Segment number counted from LSN 0: `lsn / segmentBytes`. */
  readonly number: bigint;
}

const NAME = /^[0-9A-F]{24}$/;

export function isSegmentName(text: string): text is SegmentName {
  return NAME.test(text);
}

/** A power of two from 1 MiB to 1 GiB, as `initdb --wal-segsize` allows. */
export function isSegmentSize(sizeBytes: number): boolean {
  return (
    Number.isInteger(sizeBytes) &&
    sizeBytes >= 1 << 20 &&
    sizeBytes <= 1 << 30 &&
    (sizeBytes & (sizeBytes - 1)) === 0
  );
}

/** undefined when the low group is not below 4 GiB / segment size: not a name of this cluster. */
export function parseSegmentName(name: SegmentName, segmentBytes: number): Segment | undefined {
  const perLog = 0x1_0000_0000n / BigInt(segmentBytes);
  const low = BigInt(`0x${name.slice(16)}`);
  if (low >= perLog) return undefined;
  return {
    timeline: Number.parseInt(name.slice(0, 8), 16),
    number: BigInt(`0x${name.slice(8, 16)}`) * perLog + low,
  };
}

export function formatSegmentName(segment: Segment, segmentBytes: number): SegmentName {
  const perLog = 0x1_0000_0000n / BigInt(segmentBytes);
  const groups = [BigInt(segment.timeline), segment.number / perLog, segment.number % perLog];
  return groups
    .map((group) => group.toString(16).toUpperCase().padStart(8, "0"))
    .join("") as SegmentName;
}

/** The segment that holds the byte at `lsn`. */
export function segmentAt(lsn: Lsn, timeline: number, segmentBytes: number): Segment {
  return { timeline, number: lsn / BigInt(segmentBytes) };
}

/** The segment that holds the last byte before `lsn`. */
export function segmentBefore(lsn: Lsn, timeline: number, segmentBytes: number): Segment {
  return segmentAt(toLsn(lsn > 0n ? lsn - 1n : 0n), timeline, segmentBytes);
}

export function nextSegment(segment: Segment): Segment {
  return { timeline: segment.timeline, number: segment.number + 1n };
}

export function segmentStart(segment: Segment, segmentBytes: number): Lsn {
  return toLsn(segment.number * BigInt(segmentBytes));
}
