/** The main data of a relation, or one of its forks. */
export type RelationFork = "main" | "fsm" | "vm" | "init";

/** What the server, its WAL and its summaries call a relation (RelFileLocator). */
export interface RelationId {
  /** Oid of the tablespace: 1663 for `base`, 1664 for `global`. */
  readonly tablespace: number;
  /** Oid of the database; 0 for what all databases share. */
  readonly database: number;
  /** The relation's file number. */
  readonly relation: number;
}

/** A file that the server reads and writes in pages: one 1 GiB segment of a relation's fork. */
export interface RelationFile extends RelationId {
  /** Path below the data directory, without leading slash: `base/5/16390.1`. */
  readonly path: string;
  readonly fork: RelationFork;
  /** 0 for the first gigabyte. */
  readonly segment: number;
}

/** Relation segments have 1 GiB unless the server was built otherwise (RELSEG_SIZE). */
export const RELATION_SEGMENT_BYTES = 1 << 30;

/** pg_tablespace_d.h: DEFAULTTABLESPACE_OID, GLOBALTABLESPACE_OID. */
const DEFAULT_TABLESPACE = 1663;
const GLOBAL_TABLESPACE = 1664;

const PLACE = /^(?:global|base\/(\d+)|pg_tblspc\/(\d+)\/PG_[^/]+\/(\d+))\/([^/]+)$/;
const NAME = /^(\d+)(?:_(fsm|vm|init))?(?:\.(\d+))?$/;

/**
 * undefined for what has no pages: other files, other places, and temporary relations (`t3_…`),
 * which no restore needs. The path decides, never a substring of it. Source: relpath.c.
 */
export function relationFileOf(path: string): RelationFile | undefined {
  const place = PLACE.exec(path);
  const name = place?.[4] === undefined ? null : NAME.exec(place[4]);
  if (place === null || name === null) return undefined;
  const fork = name[2];
  return {
    path,
    ...databaseOf(place[1], place[2], place[3]),
    relation: Number(name[1]),
    fork: fork === "fsm" || fork === "vm" || fork === "init" ? fork : "main",
    segment: name[3] === undefined ? 0 : Number(name[3]),
  };
}

function databaseOf(inBase?: string, tablespace?: string, inTablespace?: string) {
  if (inBase !== undefined) return { tablespace: DEFAULT_TABLESPACE, database: Number(inBase) };
  if (tablespace === undefined) return { tablespace: GLOBAL_TABLESPACE, database: 0 };
  return { tablespace: Number(tablespace), database: Number(inTablespace) };
}

/** The number of the file's first block within its fork. */
export function firstBlock({ segment }: Pick<RelationFile, "segment">, pageBytes: number): number {
  return segment * (RELATION_SEGMENT_BYTES / pageBytes);
}
