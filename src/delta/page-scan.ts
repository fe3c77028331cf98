import { PAGE_BYTES } from "./increment-format.ts";
import type { Lsn } from "./lsn.ts";
import { PageWindow } from "./page-check.ts";
import type { PageWords } from "./page-checksum.ts";
import { hasValidHeader, isAllVisible, isNewPage } from "./page-header.ts";

/** Whether a page of the file may stand; `block` counts from the start of the file. */
export type PageProof = (page: PageWords, block: number) => boolean;

const BLOCKS_FIRST = 64;

/**
 * What pages of a GiST index that was built from sorted input keep as their LSN (GistBuildLSN in
 * src/include/access/gist.h) although they were written, and logged, later.
 */
const UNLOGGED_BUILD_LSN = 1;

/**
 * Finds the pages that changed since an LSN by looking at all of them: a page counts when its LSN
 * is not older, when it is new (the server gives those no LSN), and when it fails its checksum,
 * since then its LSN proves nothing.
 */
export class PageScan {
  readonly #sinceHigh: number;
  readonly #sinceLow: number;
  readonly #isIntact: PageProof | undefined;
  readonly #countsVisible: boolean;
  readonly #window = new PageWindow(PAGE_BYTES);
  /** The one page description of the loop. */
  readonly #page: { -readonly [Key in keyof PageWords]: PageWords[Key] } = {
    words: new Int32Array(0),
    start: 0,
    count: PAGE_BYTES / 4,
  };
  #blocks = new Uint32Array(BLOCKS_FIRST);
  #count = 0;

  /**
   * `isIntact` undefined: the cluster has no checksums, or nobody wants them checked.
   * `countsVisible`: pages all of whose rows everybody sees count as changed, whatever their LSN.
   */
  constructor(since: Lsn, isIntact: PageProof | undefined, countsVisible = false) {
    this.#countsVisible = countsVisible;
    this.#sinceHigh = Number(since >> 32n);
    this.#sinceLow = Number(since & 0xffff_ffffn);
    this.#isIntact = isIntact;
  }

  /**
   * Looks at whole pages, the first of which is `block`. false: a page's header is none that a
   * server writes, so LSNs cannot be trusted, and the file must be stored whole.
   */
  push(pages: Uint8Array, block: number): boolean {
    const page = this.#page;
    const first = this.#window.wordsOf(pages);
    page.words = first.words;
    page.start = first.start;
    const pageCount = Math.floor(pages.byteLength / PAGE_BYTES);
    for (let index = 0; index < pageCount; index += 1, page.start += page.count) {
      const isIntact = this.#isIntact === undefined || this.#isIntact(page, block + index);
      if (!isIntact || isNewPage(page.words, page.start)) this.#add(block + index);
      else if (!hasValidHeader(page.words, page.start)) return false;
      else if (this.#isChanged(page.words, page.start)) this.#add(block + index);
    }
    return true;
  }

  /** The changed blocks so far, ascending. */
  get blocks(): Uint32Array {
    return this.#blocks.subarray(0, this.#count);
  }

  #isChanged(words: Int32Array, start: number): boolean {
    if (this.#countsVisible && isAllVisible(words, start)) return true;
    const high = (words[start] ?? 0) >>> 0;
    if (high === 0 && words[start + 1] === UNLOGGED_BUILD_LSN) return true;
    if (high !== this.#sinceHigh) return high > this.#sinceHigh;
    return (words[start + 1] ?? 0) >>> 0 >= this.#sinceLow;
  }

  #add(block: number): void {
    if (this.#count === this.#blocks.length) {
      const larger = new Uint32Array(this.#blocks.length * 2);
      larger.set(this.#blocks);
      this.#blocks = larger;
    }
    this.#blocks[this.#count] = block;
    this.#count += 1;
  }
}
