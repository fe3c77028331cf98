import { type FileMark, NO_MARK } from "./file-mark.ts";
import { MarkColumns } from "./mark-columns.ts";
import { NameTable } from "./name-table.ts";

/** What a delta asks of the state that it builds on. */
export type KnownFiles = Pick<ParentFiles, "has" | "mark" | "numberOf" | "markAt">;

/**
 * The files of a parent backup and by what it knew them, for millions of files: numbers beside a
 * table of names.
 */
export class ParentFiles {
  readonly #names = new NameTable();
  readonly #marks = new MarkColumns();

  get count(): number {
    return this.#names.size;
  }

  /** Of a name that comes twice the last facts count. */
  add(name: string, mark: FileMark = NO_MARK): void {
    this.#marks.set(this.#names.add(name), mark);
  }

  has(name: string): boolean {
    return this.#names.find(name) !== undefined;
  }

  /** undefined: the parent has no such file. */
  mark(name: string): FileMark | undefined {
    const number = this.#names.find(name);
    return number === undefined ? undefined : this.#marks.get(number);
  }

  /** undefined: the parent has no such file, or noted something else of it. */
  numberOf(name: string, { state, kind, value }: FileMark): number | undefined {
    const number = this.#names.find(name);
    if (number === undefined) return undefined;
    const known = this.#marks.get(number);
    const isSame = known.state === state && known.kind === kind && known.value === value;
    return isSame ? number : undefined;
  }

  /** `number`: from `numberOf`. */
  markAt(number: number): FileMark {
    return this.#marks.get(number);
  }
}
