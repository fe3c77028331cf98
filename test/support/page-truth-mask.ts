/*
 * What may differ between two copies of a page that hold the same data. PostgreSQL compares
 * replayed pages with originals in the same way (wal_consistency_checking; src/backend/access/
 * common/bufmask.c, and heap_mask, btree_mask, hash_mask, gist_mask, gin_mask, brin_mask, spg_mask
 * and seq_mask beside the redo functions).
 *
 * `exact`: the server logs hint bits (checksums or wal_log_hints), so every byte counts. One
 *   exception in any mode: the metapage of an SP-GiST index caches pages with free space, and
 *   never logs it (SpGistUpdateMetaPage).
 * `hints`: both are off, and pages change without a record:
 *   heap    xmin/xmax committed/invalid of tuples that are not frozen; pd_prune_xid; PD_PAGE_FULL
 *           and PD_HAS_FREE_LINES. PD_ALL_VISIBLE is not masked: the server clears a bit of the
 *           visibility map only when the page has it, so a copy without it gives wrong answers.
 *   btree   BTP_HAS_GARBAGE, BTP_SPLIT_END, cycle id; LP_DEAD on leaves
 *   hash    LH_PAGE_HAS_DEAD_TUPLES; LP_DEAD on bucket and overflow pages
 *   gist    F_HAS_GARBAGE; LP_DEAD on leaves
 *   brin    BRIN_EVACUATE_PAGE
 * `replay`: one copy came about by replay of WAL, which besides does not write:
 *   all     checksum (it depends on the rest); the hole between pd_lower and pd_upper
 *   heap    command ids; ctid of speculative tuples; padding behind tuples
 *   btree, hash, gin: content of deleted and unused pages
 *   gist    NSN, F_FOLLOW_RIGHT; the LSN: sorted builds (14 to 16) write pages with LSN 0/1 and log
 *           them afterwards
 *   sequence: what is drawn ahead of the log; the caller compares the values
 */
export type PageMask = "exact" | "hints" | "replay";

export type PageKind = "heap" | "btree" | "hash" | "gin" | "gist" | "spgist" | "brin" | "sequence";

const HEADER_BYTES = 24;
const SPECIAL_BYTES: Readonly<Record<PageKind, number>> = {
  heap: 0,
  btree: 16,
  hash: 16,
  gin: 8,
  gist: 16,
  spgist: 8,
  brin: 8,
  sequence: 8,
};
const LP_NORMAL = 1;
const LP_DEAD = 3;
const PD_HAS_FREE_LINES = 1;
const PD_PAGE_FULL = 2;

/** Masks the page in place. A page of zeros stays one. */
export function maskPage(
  page: Uint8Array,
  facts: { readonly kind: PageKind; readonly mask: PageMask; readonly block: number },
): void {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const { kind, mask, block } = facts;
  const special = view.getUint16(16, true);
  if (!isPage(view, special)) return;
  if (kind === "spgist" && block === 0) {
    view.setUint16(8, 0, true);
    page.fill(0, HEADER_BYTES + 4, special);
  }
  if (mask === "exact") return;
  view.setUint32(20, 0, true);
  clearBits(view, 10, PD_HAS_FREE_LINES | PD_PAGE_FULL);
  if (mask === "replay") maskHeaderAndHole(page, view, kind);
  maskContent(page, view, { kind, mask, special });
}

/** Nothing is masked of zeros, or of what no server writes: it is to be seen as it is. */
function isPage(view: DataView, special: number): boolean {
  const lower = view.getUint16(12, true);
  const upper = view.getUint16(14, true);
  const isOrdered = lower <= upper && upper <= special && special <= view.byteLength;
  return lower >= HEADER_BYTES && isOrdered;
}

function maskHeaderAndHole(page: Uint8Array, view: DataView, kind: PageKind): void {
  view.setUint16(8, 0, true);
  const lower = view.getUint16(12, true);
  const upper = view.getUint16(14, true);
  const isWhole = (kind === "gin" || kind === "spgist" || kind === "brin") && lower <= HEADER_BYTES;
  if (!isWhole && lower >= HEADER_BYTES && lower < upper) page.fill(0, lower, upper);
}

function maskContent(
  page: Uint8Array,
  view: DataView,
  facts: { readonly kind: PageKind; readonly mask: PageMask; readonly special: number },
): void {
  const { kind, special } = facts;
  if (special + SPECIAL_BYTES[kind] > page.byteLength) return;
  const isReplay = facts.mask === "replay";
  switch (kind) {
    case "heap":
      maskTuples(page, view, isReplay);
      return;
    case "sequence":
      if (isReplay) page.fill(0, HEADER_BYTES, special);
      return;
    case "btree":
      maskBtree(page, view, special, isReplay);
      return;
    case "hash":
      maskHash(page, view, special, isReplay);
      return;
    case "gist":
      maskGist(view, special, isReplay);
      return;
    case "gin":
      // Its special space holds a count of tuples, which only the original keeps.
      if (isReplay && hasBits(view, special + 6, 0x04)) maskAll(page, page.byteLength);
      return;
    case "brin":
      clearBits(view, special + 4, 0x01);
      return;
    case "spgist":
  }
}

function maskTuples(page: Uint8Array, view: DataView, isReplay: boolean): void {
  for (const item of linePointers(view)) {
    if (item.flags !== LP_NORMAL) continue;
    const { offset, length } = item;
    const infomask = view.getUint16(offset + 20, true);
    // Both xmin bits at once say frozen, which is logged.
    const isFrozen = (infomask & 0x0300) === 0x0300;
    clearBits(view, offset + 20, isFrozen ? 0x0c00 : 0x0f00);
    if (!isReplay) continue;
    clearBits(view, offset + 20, 0x0020);
    view.setUint32(offset + 8, 0, true);
    if (view.getUint16(offset + 16, true) === 0xfffe) page.fill(0, offset + 12, offset + 18);
    const end = offset + length;
    page.fill(0, end, Math.min(page.byteLength, (end + 7) & ~7));
  }
}

/** Special space: prev, next, level (4 bytes each), flags, cycle id. */
function maskBtree(page: Uint8Array, view: DataView, special: number, isReplay: boolean): void {
  if (isReplay && hasBits(view, special + 12, 0x04)) maskAll(page, special);
  else if (hasBits(view, special + 12, 0x01)) reviveItems(view);
  clearBits(view, special + 12, 0x20 | 0x40);
  view.setUint16(special + 14, 0, true);
}

/** Special space: prev, next, bucket (4 bytes each), flags, page id. */
function maskHash(page: Uint8Array, view: DataView, special: number, isReplay: boolean): void {
  const type = view.getUint16(special + 12, true) & 0x0f;
  if (type === 0 && isReplay) maskAll(page, special);
  else if (type === 1 || type === 2) reviveItems(view);
  clearBits(view, special + 12, 0x80);
}

/** Special space: NSN (8 bytes), right link, flags, page id. */
function maskGist(view: DataView, special: number, isReplay: boolean): void {
  if (hasBits(view, special + 12, 0x01)) reviveItems(view);
  clearBits(view, special + 12, isReplay ? 0x18 : 0x10);
  if (!isReplay) return;
  view.setBigUint64(special, 0n, true);
  view.setBigUint64(0, 0n, true);
}

function maskAll(page: Uint8Array, end: number): void {
  page.fill(0, HEADER_BYTES, end);
  page.fill(0, 12, 16);
}

/** Index scans mark entries as dead without a record. */
function reviveItems(view: DataView): void {
  for (const { place, flags } of linePointers(view)) {
    if (flags !== LP_DEAD) continue;
    const word = view.getUint32(place, true);
    view.setUint32(place, (word & ~(3 << 15)) | (LP_NORMAL << 15), true);
  }
}

function* linePointers(view: DataView) {
  const lower = Math.min(view.getUint16(12, true), view.byteLength);
  for (let place = HEADER_BYTES; place + 4 <= lower; place += 4) {
    const word = view.getUint32(place, true);
    const offset = word & 0x7fff;
    const length = word >>> 17;
    const flags = (word >>> 15) & 3;
    // An item outside of the page is damage, which the comparison is to show.
    if (offset + Math.max(length, HEADER_BYTES) <= view.byteLength)
      yield { place, offset, length, flags };
  }
}

function hasBits(view: DataView, at: number, bits: number): boolean {
  return (view.getUint16(at, true) & bits) !== 0;
}

function clearBits(view: DataView, at: number, bits: number): void {
  view.setUint16(at, view.getUint16(at, true) & ~bits, true);
}
