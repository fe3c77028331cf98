import { BlockSet } from "./block-set.ts";
import type { ChangedBlocks, ChangeRecord } from "./changed-pages.ts";
import { firstBlock, RELATION_SEGMENT_BYTES, type RelationFile } from "./relation-file.ts";
import { MAIN_FORK, type SummaryEntry, type SummaryTarget } from "./wal-summary.ts";

/**
 * The union of WAL summaries. PostgreSQL (basebackup_incremental.c) takes a fork's least limit
 * block and the blocks that were named, and restores blocks past the limit that nobody named as
 * zeros. An increment of ours says which pages it holds, and all others are the parent's: so here
 * **every block from the limit on has changed**, named or not. The record is then the same in
 * whatever order summaries are added, and names at least what the server's own rule names.
 *
 * Only main forks are kept: free space maps are not logged in full, visibility maps are small and
 * not every release of 17 recorded their truncation rightly; other forks are always whole.
 */
export class SummaryRecord implements ChangeRecord, SummaryTarget {
  readonly finder = "wal-summaries";
  readonly #pageBytes: number;
  readonly #places = new Map<string, Place>();
  /** Entries are sorted and files are walked in order: mostly it is the same place again. */
  #lastTablespace = -1;
  #lastDatabase = -1;
  #lastPlace: Place | undefined;
  /** What the blocks that come belong to; undefined while they need not be kept. */
  #current: Changes | undefined;

  constructor(options: { readonly pageBytes: number }) {
    this.#pageBytes = options.pageBytes;
  }

  entry(entry: SummaryEntry): void {
    this.#current = undefined;
    if (entry.fork !== MAIN_FORK) return;
    const place = this.#makePlace(entry);
    // Relation 0 stands for all of a database in a tablespace: it was made, copied or dropped.
    if (entry.relation === 0) {
      place.isMadeAnew = true;
      place.relations.clear();
    }
    if (place.isMadeAnew) return;
    let changes = place.relations.get(entry.relation);
    if (changes === undefined) {
      changes = { limitBlock: Number.POSITIVE_INFINITY, blocks: undefined };
      place.relations.set(entry.relation, changes);
    }
    if (entry.limitBlock !== undefined && entry.limitBlock < changes.limitBlock) {
      changes.limitBlock = entry.limitBlock;
    }
    if (changes.limitBlock === 0) changes.blocks = undefined;
    else this.#current = changes;
  }

  block(block: number): void {
    const changes = this.#current;
    if (changes === undefined || block >= changes.limitBlock) return;
    changes.blocks ??= new BlockSet();
    changes.blocks.add(block);
  }

  bitmap(chunkIndex: number, bitmap: Uint8Array): void {
    const changes = this.#current;
    if (changes === undefined) return;
    changes.blocks ??= new BlockSet();
    changes.blocks.addBitmap(chunkIndex, bitmap);
  }

  changedBlocks(file: RelationFile, blockCount: number): ChangedBlocks {
    if (file.fork !== "main" || blockCount > RELATION_SEGMENT_BYTES / this.#pageBytes) return "all";
    const place = this.#placeOf(file);
    if (place?.isMadeAnew === true) return "all";
    const changes = place?.relations.get(file.relation);
    if (changes === undefined) return new Uint32Array(0);
    const start = firstBlock(file, this.#pageBytes);
    const { limitBlock, blocks } = changes;
    if (limitBlock <= start) return "all";
    const end = Math.min(limitBlock, start + blockCount);
    const named = blocks?.between(start, end) ?? new Uint32Array(0);
    return withRest(named, end - start, blockCount);
  }

  #makePlace(entry: SummaryEntry): Place {
    const found = this.#placeOf(entry);
    if (found !== undefined) return found;
    const place = { isMadeAnew: false, relations: new Map<number, Changes>() };
    this.#places.set(`${entry.tablespace}/${entry.database}`, place);
    this.#lastPlace = place;
    return place;
  }

  #placeOf({ tablespace, database }: { tablespace: number; database: number }): Place | undefined {
    if (tablespace !== this.#lastTablespace || database !== this.#lastDatabase) {
      this.#lastTablespace = tablespace;
      this.#lastDatabase = database;
      this.#lastPlace = this.#places.get(`${tablespace}/${database}`);
    }
    return this.#lastPlace;
  }
}

/** A database in a tablespace. */
interface Place {
  isMadeAnew: boolean;
  readonly relations: Map<number, Changes>;
}

interface Changes {
  limitBlock: number;
  /** Named blocks; those from the limit on do not matter. */
  blocks: BlockSet | undefined;
}

/** `named`, and every number in `[start, end)`. */
function withRest(named: Uint32Array, start: number, end: number): Uint32Array {
  if (start >= end) return named;
  const whole = new Uint32Array(named.length + end - start);
  whole.set(named);
  for (let at = 0; at < end - start; at += 1) whole[named.length + at] = start + at;
  return whole;
}
