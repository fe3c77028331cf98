import { GarbagePace } from "../../base/garbage.ts";

const SEPARATOR = 0;

/**
 * The names in a folder, sorted. They are kept as their bytes, one behind the other: a folder may
 * hold a million, which takes 8 MiB instead of the 80 MiB of as many strings.
 */
export class FolderNames implements Iterable<string> {
  readonly #bytes: Buffer;
  readonly #count: number;

  /** `names` is sorted in place; no name of a file can hold the separator. */
  constructor(names: string[]) {
    this.#count = names.length;
    this.#bytes = Buffer.from(names.sort().join(String.fromCharCode(SEPARATOR)));
  }

  *[Symbol.iterator](): Generator<string> {
    // The list that the names came in.
    new GarbagePace().passed(this.#count);
    let start = 0;
    for (let left = this.#count; left > 0; left -= 1) {
      const found = this.#bytes.indexOf(SEPARATOR, start);
      const end = found < 0 ? this.#bytes.byteLength : found;
      yield this.#bytes.toString("utf8", start, end);
      start = end + 1;
    }
  }
}
