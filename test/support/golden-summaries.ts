import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const DIRECTORY = join(import.meta.dirname, "../golden/wal-summary");

/** A file of `pg_wal/summaries` that a real server wrote. */
export interface GoldenSummary {
  readonly majorVersion: number;
  readonly name: string;
  /** A copy of the caller's own. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /**
   * What pg_wal_summary_contents says of it: lines of tablespace, database, relation, fork,
   * whether it is a limit block (t, f), block.
   */
  readonly contents: readonly string[];
}

/**
 * Three of 17 and of 18, made by the same commands: changes all over a table of 66,000 pages, one
 * dropped, one truncated, one shortened by VACUUM, one unlogged; CREATE DATABASE with FILE_COPY
 * (one entry); with WAL_LOG, and a changed page.
 */
export function goldenSummaries(): readonly GoldenSummary[] {
  return readdirSync(DIRECTORY)
    .filter((file) => file.endsWith(".summary.zst"))
    .sort()
    .map((file) => {
      const [version = "", name = ""] = file.replace(".zst", "").split("-");
      const contents = unpack(file.replace(".summary.", ".contents."));
      return {
        majorVersion: Number(version),
        name,
        bytes: unpack(file),
        contents: new TextDecoder().decode(contents).trimEnd().split("\n"),
      };
    });
}

/** A plain array: `slice` of a Buffer would not copy. */
function unpack(file: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Bun.zstdDecompressSync(readFileSync(join(DIRECTORY, file))));
}
