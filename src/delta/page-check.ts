import { type PageWords, pageChecksum } from "./page-checksum.ts";

const CHECKSUM_WORD = 2;
const UPPER_WORD = 3;

/**
 * Whether a page of a cluster with data checksums may stand: it is new, or carries the checksum
 * of its content and place. Like the server's own reader, a page that is not new must match;
 * one that says it is new must be all zero (bufpage.c, PageIsVerifiedExtended).
 */
export function isPageIntact(page: PageWords, blockNumber: number): boolean {
  const { words, start, count } = page;
  // pd_upper is the high half of its word; 0 marks a new page.
  if ((words[start + UPPER_WORD] ?? 0) >>> 16 === 0) {
    for (let index = start; index < start + count; index += 1) {
      if (words[index] !== 0) return false;
    }
    return true;
  }
  return pageChecksum(page, blockNumber) === ((words[start + CHECKSUM_WORD] ?? 0) & 0xffff);
}

/** Finds pages in buffers without a new view for each: millions of them pass. */
export class PageWindow {
  readonly #pageBytes: number;
  #words: Int32Array = new Int32Array(0);

  constructor(pageBytes: number) {
    this.#pageBytes = pageBytes;
  }

  /** The page as words; valid as long as its bytes are. */
  wordsOf(page: Uint8Array): PageWords {
    const count = this.#pageBytes / 4;
    // Words start at multiples of four bytes: a page at any other address is copied.
    if (page.byteOffset % 4 !== 0)
      return { words: new Int32Array(page.slice().buffer), start: 0, count };
    const { buffer } = page;
    if (this.#words.buffer !== buffer) {
      this.#words = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
    }
    return { words: this.#words, start: page.byteOffset / 4, count };
  }
}
