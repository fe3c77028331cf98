/*
 * The first 24 bytes of a heap, index or map page (src/include/storage/bufpage.h), little endian:
 *
 *  0 4 pd_lsn, high half      10 2 pd_flags      16 2 pd_special
 *  4 4 pd_lsn, low half       12 2 pd_lower      18 2 pd_pagesize_version
 *  8 2 pd_checksum            14 2 pd_upper      20 4 pd_prune_xid
 */
const FLAGS_KNOWN = 0x0007;
const HEADER_BYTES = 24;
const LAYOUT_VERSION_MAX = 5;

export interface PageHeader {
  readonly lsnHigh: number;
  readonly lsnLow: number;
  readonly checksum: number;
  readonly flags: number;
  readonly lower: number;
  readonly upper: number;
  readonly special: number;
  readonly pageSizeVersion: number;
}

/** `view` starts at the page. */
export function readPageHeader(view: DataView, offset = 0): PageHeader {
  return {
    lsnHigh: view.getUint32(offset, true),
    lsnLow: view.getUint32(offset + 4, true),
    checksum: view.getUint16(offset + 8, true),
    flags: view.getUint16(offset + 10, true),
    lower: view.getUint16(offset + 12, true),
    upper: view.getUint16(offset + 14, true),
    special: view.getUint16(offset + 16, true),
    pageSizeVersion: view.getUint16(offset + 18, true),
  };
}

/** A page that was added to the file but not yet written (PageIsNew). */
export function isNewPage(header: PageHeader): boolean {
  return header.upper === 0;
}

/** A header that the server can have written, as WAL-G tests it (it needs an LSN too). */
export function isValidPage(header: PageHeader, pageBytes: number): boolean {
  return (
    (header.flags & ~FLAGS_KNOWN) === 0 &&
    header.lower >= HEADER_BYTES &&
    header.lower <= header.upper &&
    header.upper <= header.special &&
    header.special <= pageBytes &&
    (header.lsnHigh !== 0 || header.lsnLow !== 0) &&
    (header.pageSizeVersion & 0xff00) === pageBytes &&
    (header.pageSizeVersion & 0xff) <= LAYOUT_VERSION_MAX
  );
}
