import { type Lsn, toLsn } from "../delta/lsn.ts";
import { isSegmentSize } from "./segment-name.ts";

/*
 * Header of a WAL page, little endian (src/include/access/xlog_internal.h):
 *
 *   0  u16  magic, one for each major version
 *   2  u16  flags: 1 a record of the page before goes on here, 2 long header,
 *           4 backup blocks may be removed, 8 the record before was given up (13.5, 14.1 on)
 *   4  u32  timeline
 *   8  u64  address: the LSN of the page's first byte
 *  16  u32  bytes that the going-on record still has
 *  20  4 bytes padding
 *
 * The first page of a segment has the long header:
 *
 *  24  u64  system identifier
 *  32  u32  segment size
 *  36  u32  page size
 */

export const SHORT_HEADER_BYTES = 24;
export const LONG_HEADER_BYTES = 40;

export const PAGE_FLAG = {
  firstIsContinuation: 0x1,
  longHeader: 0x2,
  backupRemovable: 0x4,
  firstIsOverwrite: 0x8,
} as const;

const ALL_FLAGS = 0xf;

/** Magic → major version of the server that wrote the page. */
export const WAL_MAGICS: ReadonlyMap<number, number> = new Map([
  [0xd106, 13],
  [0xd10d, 14],
  [0xd110, 15],
  [0xd113, 16],
  [0xd116, 17],
  [0xd118, 18],
]);

export interface PageHeader {
  readonly majorVersion: number;
  readonly flags: number;
  readonly timeline: number;
  readonly address: Lsn;
  readonly continuationBytes: number;
  /** Where records may start. */
  readonly headerBytes: number;
}

export interface LongPageHeader extends PageHeader {
  readonly systemIdentifier: bigint;
  readonly segmentBytes: number;
  readonly pageBytes: number;
}

/** A header, or what is wrong with it: callers know the object's name and decide how it ends. */
export type HeaderResult<T> =
  | { readonly header: T; readonly fault?: undefined }
  | { readonly header?: undefined; readonly fault: string };

/** The header at the start of `page`. */
export function parsePageHeader(page: Uint8Array): HeaderResult<PageHeader> {
  if (page.byteLength < SHORT_HEADER_BYTES) return { fault: "page is cut short" };
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const magic = view.getUint16(0, true);
  const majorVersion = WAL_MAGICS.get(magic);
  if (majorVersion === undefined) {
    const text = magic.toString(16).toUpperCase().padStart(4, "0");
    return { fault: `unknown WAL page magic ${text}` };
  }
  const flags = view.getUint16(2, true);
  const continuationBytes = view.getUint32(16, true);
  const isContinuation = (flags & PAGE_FLAG.firstIsContinuation) !== 0;
  if ((flags & ~ALL_FLAGS) !== 0) return { fault: `unknown page flags ${flags.toString(16)}` };
  if (isContinuation !== continuationBytes > 0) {
    return { fault: "continuation flag and continuation length disagree" };
  }
  const isLong = (flags & PAGE_FLAG.longHeader) !== 0;
  return {
    header: {
      majorVersion,
      flags,
      timeline: view.getUint32(4, true),
      address: toLsn(view.getBigUint64(8, true)),
      continuationBytes,
      headerBytes: isLong ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES,
    },
  };
}

/** The header of a segment's first page. */
export function parseLongPageHeader(page: Uint8Array): HeaderResult<LongPageHeader> {
  const short = parsePageHeader(page);
  if (short.header === undefined) return short;
  if ((short.header.flags & PAGE_FLAG.longHeader) === 0) {
    return { fault: "first page has no long header" };
  }
  if (page.byteLength < LONG_HEADER_BYTES) return { fault: "first page is cut short" };
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const segmentBytes = view.getUint32(32, true);
  const pageBytes = view.getUint32(36, true);
  if (!isSegmentSize(segmentBytes)) return { fault: `impossible segment size ${segmentBytes}` };
  if (!isPageSize(pageBytes)) return { fault: `impossible WAL page size ${pageBytes}` };
  return {
    header: {
      ...short.header,
      systemIdentifier: view.getBigUint64(24, true),
      segmentBytes,
      pageBytes,
    },
  };
}

/** A power of two from 1 to 64 KiB, as `configure --with-wal-blocksize` allows. */
function isPageSize(sizeBytes: number): boolean {
  return sizeBytes >= 1 << 10 && sizeBytes <= 1 << 16 && (sizeBytes & (sizeBytes - 1)) === 0;
}
