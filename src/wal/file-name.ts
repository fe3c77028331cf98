import { isSegmentName, type SegmentName } from "./segment-name.ts";

/** What a name in `pg_wal` or in the archive stands for. */
export type WalFileName =
  | { readonly kind: "segment"; readonly name: SegmentName; readonly timeline: number }
  | { readonly kind: "partial"; readonly segment: SegmentName; readonly timeline: number }
  | { readonly kind: "history"; readonly timeline: number }
  | { readonly kind: "backup"; readonly segment: SegmentName; readonly timeline: number };

/** The four kinds that PostgreSQL archives; undefined for any other name. */
export function parseWalFileName(name: string): WalFileName | undefined {
  const timeline = Number.parseInt(name.slice(0, 8), 16);
  if (isSegmentName(name)) return { kind: "segment", name, timeline };
  if (/^[0-9A-F]{8}\.history$/.test(name)) return { kind: "history", timeline };
  const segment = name.slice(0, 24);
  if (!isSegmentName(segment)) return undefined;
  const suffix = name.slice(24);
  if (suffix === ".partial") return { kind: "partial", segment, timeline };
  if (/^\.[0-9A-F]{8}\.backup$/.test(suffix)) return { kind: "backup", segment, timeline };
  return undefined;
}

export function historyFileName(timeline: number): string {
  return `${timeline.toString(16).toUpperCase().padStart(8, "0")}.history`;
}

const STORED_SEGMENT = /^([0-9A-F]{24})(?:\.(?:lz4|zst|br|lzma|gz|lzo)?)?$/;

/**
 * The segment that an object of the archive holds: its name with a codec's extension, or bare.
 * undefined for whatever else lies there: `.partial`, `.backup`, `_delta`, `.json`.
 */
export function segmentOfObject(name: string): SegmentName | undefined {
  const segment = STORED_SEGMENT.exec(name)?.[1];
  return segment !== undefined && isSegmentName(segment) ? segment : undefined;
}
