import type { TableObjects } from "./files-metadata.ts";

/** A relation of a database, as its catalog has it. */
export interface Relation {
  readonly oid: number;
  /** `<schema>.<relation>`, without any quotes. */
  readonly name: string;
  /** The number of its file; 0 of a partitioned table; undefined: there is nothing to restore. */
  readonly relfilenode: number | undefined;
  /** What it inherits from or is a partition of. */
  readonly parents: readonly number[];
  /** Whether others may have it as their parent. */
  readonly mayHaveChildren: boolean;
}

interface NamedFile {
  readonly oid: number;
  readonly relfilenode: number;
}

const NO_SUBTABLES: TableObjects["subtables"] = new Map();

/**
 * Names the files of one database for `DatabasesByNames`: tables, indexes, sequences and all else
 * that has a file, at the top; whatever descends from a named table, however deep, below each
 * table at the root of it. What descends only from relations without a file (the index of a
 * partition) is at the top as well: nobody would find it otherwise.
 */
export class RelationNames {
  readonly #tables = new Map<string, TableObjects>();
  /** Those that inherit or are inherited from: the only ones that must wait for all others. */
  readonly #family = new Map<number, Relation>();
  readonly #clashes = new Set<string>();

  add(relation: Relation): void {
    if (relation.parents.length > 0 || relation.mayHaveChildren) {
      this.#family.set(relation.oid, relation);
    } else if (relation.relfilenode !== undefined) {
      const { oid, relfilenode } = relation;
      this.#put(this.#tables, relation.name, { oid, relfilenode, subtables: NO_SUBTABLES });
    }
  }

  /** After the last `add`. */
  finish(): {
    readonly tables: ReadonlyMap<string, TableObjects>;
    /** Names that several relations share: the first one added has it. */
    readonly clashes: readonly string[];
  } {
    const subtablesOf = new Map<number, Map<string, NamedFile>>();
    const descendants: { readonly relation: Relation; readonly roots: readonly Relation[] }[] = [];
    for (const relation of this.#family.values()) {
      if (relation.relfilenode === undefined) continue;
      const roots = this.#namedRoots(relation);
      if (roots.length > 0) descendants.push({ relation, roots });
      else {
        const subtables = new Map<string, NamedFile>();
        subtablesOf.set(relation.oid, subtables);
        const { oid, relfilenode } = relation;
        this.#put(this.#tables, relation.name, { oid, relfilenode, subtables });
      }
    }
    for (const { relation, roots } of descendants) {
      const { oid, relfilenode = 0, name } = relation;
      for (const root of roots) {
        const subtables = subtablesOf.get(root.oid);
        if (subtables !== undefined) this.#put(subtables, name, { oid, relfilenode });
      }
    }
    return { tables: this.#tables, clashes: [...this.#clashes] };
  }

  /** The ancestors that have no parents themselves and can be named; never the relation itself. */
  #namedRoots(relation: Relation): readonly Relation[] {
    const roots: Relation[] = [];
    const seen = new Set([relation.oid]);
    const waiting = [relation];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const parents = next.parents.flatMap((oid) => this.#family.get(oid) ?? []);
      const isRoot = parents.length === 0 && next !== relation;
      if (isRoot && next.relfilenode !== undefined) roots.push(next);
      for (const parent of parents) {
        if (seen.has(parent.oid)) continue;
        seen.add(parent.oid);
        waiting.push(parent);
      }
    }
    return roots;
  }

  #put<T>(names: Map<string, T>, name: string, value: T): void {
    if (names.has(name)) this.#clashes.add(name);
    else names.set(name, value);
  }
}
