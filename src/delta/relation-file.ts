/** The main data of a relation, or one of its forks. */
export type RelationFork = "main" | "fsm" | "vm" | "init";

/** A file that the server reads and writes in pages: one 1 GiB segment of a relation's fork. */
export interface RelationFile {
  /** Path below the data directory, without leading slash: `base/5/16390.1`. */
  readonly path: string;
  readonly fork: RelationFork;
  /** 0 for the first gigabyte. */
  readonly segment: number;
}

/** Relation segments have 1 GiB unless the server was built otherwise (RELSEG_SIZE). */
export const RELATION_SEGMENT_BYTES = 1 << 30;

const PLACE = /^(?:global|base\/\d+|pg_tblspc\/\d+\/PG_[^/]+\/\d+)\/([^/]+)$/;
const NAME = /^(\d+)(?:_(fsm|vm|init))?(?:\.(\d+))?$/;

/**
 * undefined for what has no pages: other files, other places, and temporary relations (`t3_…`),
 * which no restore needs. The path decides, never a substring of it. Source: relpath.c.
 */
export function relationFileOf(path: string): RelationFile | undefined {
  const file = PLACE.exec(path)?.[1];
  const match = file === undefined ? null : NAME.exec(file);
  if (match === null) return undefined;
  const fork = match[2];
  return {
    path,
    fork: fork === "fsm" || fork === "vm" || fork === "init" ? fork : "main",
    segment: match[3] === undefined ? 0 : Number(match[3]),
  };
}

/** The number of the file's first block within its fork. */
export function firstBlock(file: RelationFile, pageBytes: number): number {
  return file.segment * (RELATION_SEGMENT_BYTES / pageBytes);
}
