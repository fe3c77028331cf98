/**
 * The receipts of a backup: `basebackups_005/<name>/receipts.bin`, format version 1.
 *
 *   object   = section … index footer
 *   section  = cipher( section body )            one per stored part, in the order of writing
 *   index    = cipher( zstd frame of the index body )
 *   footer   = 88 bytes, plain
 *
 * Sections and index are encrypted each by itself, as if each were an object: so one of them can
 * be fetched by a ranged read and decrypted without the rest, with any cipher. The footer holds
 * nothing but places and hashes and stays plain.
 *
 * Numbers are little endian; `varint` is LEB128, unsigned; `text` is a varint of its length in
 * bytes and UTF-8.
 *
 * Section body
 *   u32     bytes of the facts as stored (a zstd frame)
 *   u32     bytes of the facts, plain
 *   …       facts
 *   u64 …   page hashes of all entries in order; hashes do not compress, so they are stored raw
 *
 * Facts of a section
 *   text    full key of the object            varint  plain bytes      varint  stored bytes
 *   32      SHA-256 of the stored bytes       text    codec            text    cipher's key id
 *   varint  entries, then for each:
 *     text    path
 *     u8      kind: 0 whole, 1 increment, 2 directory, 3 link;
 *             + 0x10 has page hashes, + 0x20 has corrupt blocks, + 0x40 has its mode
 *     varint  content bytes                   u64     xxHash3-64 of the content
 *     varint  offset of the content in the part's plain bytes
 *     varint  page hashes (only with 0x10)
 *     varint  corrupt blocks, then each as a varint, ascending (only with 0x20)
 *     varint  permission bits (only with 0x40); of a link, text with its target
 *
 * Index body
 *   varint  sections, then for each:
 *     text    full key of the object          varint  its stored bytes
 *     varint  bytes of the section as stored  32      SHA-256 of the section as stored
 *             (sections lie one after the other from offset 0)
 *   varint  documents, then for each:
 *     text    name below the backup's folder  varint  bytes            32      SHA-256
 *
 * Footer
 *    0  u64  offset of the index              8  u64  bytes of the index as stored
 *   16  32   SHA-256 of the index as stored  48  u32  flags: 1 = sections and index are encrypted
 *   52  u32  sections                        56  u64  zero
 *   64  u64  xxHash3-64 of all other bytes of the footer
 *   72  u32  format version                  76  u32  bytes of the footer (88)
 *   80  8    magic "TDMKRCPT"
 *
 * Kept by every version: the last 24 bytes (checksum, version, length, magic), and that the
 * checksum covers the rest of the footer. So a newer format is told apart from damage.
 *
 * The hashes form a tree: the sentinel names the SHA-256 of the footer (`RootSHA256`), the footer
 * that of the index, the index those of the sections: a ranged read is proven up to the sentinel.
 */
export const RECEIPTS_VERSION = 1;
export const RECEIPTS_MAGIC = "TDMKRCPT";
export const FOOTER_BYTES = 88;
/** Checksum, version, length and magic: where every version has them. */
export const TAIL_BYTES = 24;
export const FLAG_ENCRYPTED = 1;

export const ENTRY_KINDS = ["whole", "increment", "directory", "link"] as const;
export const HAS_PAGE_HASHES = 0x10;
export const HAS_CORRUPT_BLOCKS = 0x20;
export const HAS_MODE = 0x40;

/** Hashes only take part in sections; no real part holds more. */
export const SECTION_BYTES_MAX = 0x7fff_ffff;

/** The key of the sentinel that names the receipts; WAL-G's readers ignore it. */
export const RECEIPTS_SENTINEL_KEY = "TidemarkReceipts";

/** What the sentinel says of the receipts. */
export interface ReceiptsFacts {
  readonly sizeBytes: number;
  /** SHA-256 of the whole object. */
  readonly sha256: string;
  /** SHA-256 of the footer, the root of the tree of hashes. */
  readonly rootSha256: string;
  readonly version: number;
}

/** A small object of the backup that is stored plain. */
export interface DocumentReceipt {
  /** Below the backup's folder: `metadata.json`. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Where a part's section lies. */
export interface SectionPlace {
  /** Full key of the part. */
  readonly key: string;
  /** The part's size in storage, so that a listing can be compared without reading sections. */
  readonly partStoredBytes: number;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly sha256: string;
}
