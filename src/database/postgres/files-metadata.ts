import type { JsonValue } from "../../base/json.ts";
import type { FileMark } from "./file-mark.ts";

/**
 * `files_metadata.json`: what each file of a backup is. It can pass 1 GiB on large clusters, so it
 * is written and read as a stream (`files-metadata-writer.ts`, `files-metadata-reader.ts`).
 *
 *   { "Files": { "<entry name>": { "IsIncremented": false, "IsSkipped": false,
 *                                  "MTime": "<RFC 3339, nanoseconds>",
 *                                  "CorruptBlocks": { "CorruptBlocksCount": 1,
 *                                                     "SomeCorruptBlocks": [7] },
 *                                  "UpdatesCount": 0,
 *                                  "TidemarkMark": "<ours: file-mark.ts>" }, … },
 *     "TarFileSets": { "part_001.tar.zst": ["<entry name>", …], … },
 *     "DatabasesByNames": { "<database>": { "oid": 5, "tables_new": { "<schema>.<table>":
 *                           { "oid": 16390, "relfilenode": 16390, "subtables": { … } } } } } }
 *
 * Each of the three is left out when empty; `CorruptBlocks` is there only when there are some.
 * WAL-G's reader ignores `TidemarkMark`.
 */
export interface FileFacts {
  /** Stored as an increment. Never true together with `isSkipped`. */
  readonly isIncremented: boolean;
  /** Unchanged since the parent: not stored in this backup. */
  readonly isSkipped: boolean;
  /** Nanoseconds since 1970: an increment skips a file only when all digits are equal. */
  readonly mtimeNs: bigint;
  readonly corruptBlocks: CorruptBlocks | undefined;
  /** Tuples changed according to the statistics; 0 unless the rating composer ran. */
  readonly updatesCount: bigint;
  /** undefined: directories, links, and whatever WAL-G wrote. */
  readonly mark: FileMark | undefined;
}

export interface CorruptBlocks {
  readonly count: number;
  /** Ascending; all of them or the first few. */
  readonly some: readonly number[];
}

/** A database for partial restores. */
export interface DatabaseObjects {
  readonly oid: number;
  readonly tables: ReadonlyMap<string, TableObjects>;
}

export interface TableObjects {
  readonly oid: number;
  readonly relfilenode: number;
  readonly subtables: ReadonlyMap<string, { readonly oid: number; readonly relfilenode: number }>;
}

/** The whole document, for those that fit into memory. */
export interface FilesMetadata {
  /** By entry name, exactly as in the tar. */
  readonly files: ReadonlyMap<string, FileFacts>;
  /** By name of the part, extension included. */
  readonly parts: ReadonlyMap<string, readonly string[]>;
  readonly databases: ReadonlyMap<string, JsonValue>;
}
