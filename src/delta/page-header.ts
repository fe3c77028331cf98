/*
 * The header of a page (src/include/storage/bufpage.h) as 32-bit little-endian words:
 *
 *   0  pd_lsn, high half
 *   1  pd_lsn, low half
 *   2  pd_checksum (low 16 bits), pd_flags (high)
 *   3  pd_lower, pd_upper
 *   4  pd_special, pd_pagesize_version
 *   5  pd_prune_xid
 */

const PAGE_BYTES = 8192;
const HEADER_BYTES = 24;
const KNOWN_FLAGS = 0x0007;
const ALL_VISIBLE_FLAG = 0x0004;
const LAYOUT_VERSION_MAX = 5;

/** A page that was given to the relation and never filled: the server's PageIsNew. */
export function isNewPage(words: Int32Array, start: number): boolean {
  return (words[start + 3] ?? 0) >>> 16 === 0;
}

/** PD_ALL_VISIBLE: everybody sees all rows of the page, and the visibility map says so too. */
export function isAllVisible(words: Int32Array, start: number): boolean {
  return ((words[start + 2] ?? 0) & (ALL_VISIBLE_FLAG << 16)) !== 0;
}

/**
 * Whether the header is one that the server writes, with an LSN: only then does the LSN say when
 * the page was changed. Source: PageIsVerifiedExtended in bufpage.c.
 */
export function hasValidHeader(words: Int32Array, start: number): boolean {
  const flags = (words[start + 2] ?? 0) >>> 16;
  const bounds = words[start + 3] ?? 0;
  const lower = bounds & 0xffff;
  const upper = bounds >>> 16;
  const end = words[start + 4] ?? 0;
  const special = end & 0xffff;
  const sizeAndVersion = end >>> 16;
  return (
    (flags & ~KNOWN_FLAGS) === 0 &&
    lower >= HEADER_BYTES &&
    lower <= upper &&
    upper <= special &&
    special <= PAGE_BYTES &&
    ((words[start] ?? 0) | (words[start + 1] ?? 0)) !== 0 &&
    (sizeAndVersion & 0xff00) === PAGE_BYTES &&
    (sizeAndVersion & 0x00ff) <= LAYOUT_VERSION_MAX
  );
}
