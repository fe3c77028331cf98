import { PAGE_BYTES } from "../../delta/increment-format.ts";
import { pageChecksum } from "../../delta/page-checksum.ts";

/*
 * A page that stands for one which a partial restore left out: the server accepts it, and fails on
 * whatever reads it. A page of zeros would do for neither: a scan takes it for an empty one, and
 * recovery stops at a WAL record that expects content there.
 *
 * It looks like a heap page with one row (src/include/storage/bufpage.h, access/htup_details.h):
 *
 *    0  8    LSN, the largest there is: replay leaves the page alone unless it brings a whole one
 *    8  2    checksum          10  2  flags 0        12 2  lower 28        14 2  upper 32
 *   16  2    special 8192      18  2  8192 | 4       20 4  prune xid 0
 *   24  4    line pointer: at 32, normal, 8160 bytes: nothing else fits into the page
 *   32  4    xmin              36  4  xmax 0         40 4  cid 0          44 6  ctid (0,1)
 *   50  2    no columns        52  2  no hints       54 1  header of 24 bytes
 *
 * xmin is a transaction from before the oldest one that pg_xact still knows: to decide whether the
 * row is visible, the server has to look it up there, and reports an error. Its lowest two bits
 * are 3, which makes the row a tuple in no state that SP-GiST accepts; every other kind of index
 * and sequence refuses the page for its special space, or what it takes for its metadata.
 */
const LINE_POINTER = 32 | (1 << 15) | (8160 << 17);

/** pg_xact is kept in files of 2^20 transactions: two of them back, there is none. */
const BEFORE_OLDEST = 2 << 20;

/** `oldestTransaction`: as pg_control has it, of the oldest row that is not frozen. */
export function standInPage(oldestTransaction: number): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES);
  const view = new DataView(page.buffer);
  view.setBigUint64(0, 0xffff_ffff_ffff_ffffn, true);
  view.setUint16(12, 28, true);
  view.setUint16(14, 32, true);
  view.setUint16(16, PAGE_BYTES, true);
  view.setUint16(18, PAGE_BYTES | 4, true);
  view.setUint32(24, LINE_POINTER, true);
  // Transactions are numbered in a circle.
  view.setUint32(32, ((oldestTransaction - BEFORE_OLDEST) | 3) >>> 0, true);
  view.setUint16(48, 1, true);
  view.setUint8(54, 24);
  return page;
}

/** For clusters with page checksums. */
export function setPageChecksum(page: Uint8Array, blockNumber: number): void {
  const words = new Int32Array(page.buffer, page.byteOffset, PAGE_BYTES / 4);
  const checksum = pageChecksum({ words, start: 0, count: words.length }, blockNumber);
  new DataView(page.buffer, page.byteOffset).setUint16(8, checksum, true);
}
