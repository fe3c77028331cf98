import { pageChecksum } from "./page-checksum.ts";
import { isNewPage, readPageHeader } from "./page-header.ts";

/**
 * Whether a page of a cluster with data checksums may stand: it is new, or carries the checksum
 * of its content and place. Like the server's own reader, a page that is not new must match;
 * an all-zero page is new (bufpage.c, PageIsVerifiedExtended).
 */
export function isPageIntact(page: Uint8Array, blockNumber: number): boolean {
  const aligned = page.byteOffset % 4 === 0 ? page : page.slice();
  const view = new DataView(aligned.buffer, aligned.byteOffset, aligned.byteLength);
  const header = readPageHeader(view);
  if (isNewPage(header)) return aligned.every((byte) => byte === 0);
  const words = new Int32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
  return pageChecksum(words, blockNumber) === header.checksum;
}
