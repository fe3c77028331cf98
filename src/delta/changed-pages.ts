import type { RelationFile } from "./relation-file.ts";

/** The three ways to learn which pages changed; recorded in the backup. */
export type FinderName = "page-scan" | "wal-summaries" | "delta-maps";

/**
 * Blocks of one file, counted from the file's start, ascending; or `all` when any of its pages
 * may have changed: the relation was made, replaced or copied since.
 */
export type ChangedBlocks = Uint32Array | "all";

/**
 * Knows from records, without reading the file, which blocks of relations changed since the
 * parent's start. It always names a superset of the truth for what is WAL-logged; what is not
 * (unlogged relations, free space maps) is the caller's to store whole.
 */
export interface ChangeRecord {
  readonly finder: Exclude<FinderName, "page-scan">;
  /** `blockCount`: blocks of the file as it is now; numbers at or past it may be left out. */
  changedBlocks(file: RelationFile, blockCount: number): ChangedBlocks;
}
