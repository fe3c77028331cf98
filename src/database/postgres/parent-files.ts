import { type FileMark, NO_MARK } from "./file-mark.ts";
import { NameTable } from "./name-table.ts";

/** Entries of one block of the columns. */
const BLOCK_ENTRIES = 1 << 16;

const KINDS = ["none", "identity", "content"] as const;

/** What is kept of each file, by its number. */
interface Columns {
  readonly states: BigUint64Array;
  readonly values: BigUint64Array;
  readonly kinds: Uint8Array;
}

/** What a delta asks of the state that it builds on. */
export type KnownFiles = Pick<ParentFiles, "has" | "mark">;

/**
 * The files of a parent backup and by what it knew them, for millions of files: numbers beside a
 * table of names, in columns that grow by blocks, since a list that doubles is in memory twice.
 */
export class ParentFiles {
  readonly #names = new NameTable();
  readonly #columns: Columns[] = [];

  get count(): number {
    return this.#names.size;
  }

  /** Of a name that comes twice the last facts count. */
  add(name: string, mark: FileMark = NO_MARK): void {
    const number = this.#names.add(name);
    const block = Math.floor(number / BLOCK_ENTRIES);
    const columns = this.#columns[block] ?? newColumns();
    this.#columns[block] = columns;
    const at = number % BLOCK_ENTRIES;
    columns.states[at] = mark.state;
    columns.values[at] = mark.value;
    columns.kinds[at] = KINDS.indexOf(mark.kind);
  }

  has(name: string): boolean {
    return this.#names.find(name) !== undefined;
  }

  /** undefined: the parent has no such file. */
  mark(name: string): FileMark | undefined {
    const number = this.#names.find(name);
    if (number === undefined) return undefined;
    const columns = this.#columns[Math.floor(number / BLOCK_ENTRIES)];
    const at = number % BLOCK_ENTRIES;
    return {
      state: columns?.states[at] ?? 0n,
      kind: KINDS[columns?.kinds[at] ?? 0] ?? "none",
      value: columns?.values[at] ?? 0n,
    };
  }
}

function newColumns(): Columns {
  return {
    states: new BigUint64Array(BLOCK_ENTRIES),
    values: new BigUint64Array(BLOCK_ENTRIES),
    kinds: new Uint8Array(BLOCK_ENTRIES),
  };
}
