import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isSegmentName, type SegmentName } from "../../src/wal/segment-name.ts";

const DIRECTORY = join(import.meta.dirname, "../golden/wal");

/** A segment of 1 MiB that a real server archived. */
export interface GoldenSegment {
  readonly majorVersion: number;
  readonly name: SegmentName;
  /** A copy of the caller's own. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Two segments of each version, 13 to 18: one in the middle of a large insert (it begins and ends
 * inside a record), and the next, which pg_switch_wal() ended early.
 */
export function goldenSegments(): readonly GoldenSegment[] {
  return readdirSync(DIRECTORY)
    .sort()
    .map((file) => {
      const [version = "", name = ""] = file.replace(".zst", "").split("-");
      if (!isSegmentName(name)) throw new Error(`${file}: not named after a segment`);
      // A plain array: `slice` of a Buffer would not copy.
      const bytes = new Uint8Array(Bun.zstdDecompressSync(readFileSync(join(DIRECTORY, file))));
      return { majorVersion: Number(version), name, bytes };
    });
}

/** The switched segment of PostgreSQL 17 is small and holds every case. */
export function goldenSegment(majorVersion: number, kind: "middle" | "switched"): GoldenSegment {
  const ofVersion = goldenSegments().filter((each) => each.majorVersion === majorVersion);
  const found = ofVersion[kind === "middle" ? 0 : 1];
  if (found === undefined) throw new Error(`no golden segment of PostgreSQL ${majorVersion}`);
  return found;
}
