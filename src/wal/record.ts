import { CRC32C_START, finishCrc32c, updateCrc32c } from "../base/crc32c.ts";
import { formatLsn, type Lsn, toLsn } from "../delta/lsn.ts";

/*
 * Header of a WAL record, little endian (src/include/access/xlogrecord.h). Records start at
 * multiples of 8, go on over page ends, and a header itself may be split by one:
 *
 *   0  u32  total length, this header included
 *   4  u32  transaction id
 *   8  u64  LSN of the record before
 *  16  u8   info
 *  17  u8   resource manager
 *  18  2 bytes padding
 *  20  u32  CRC-32C of what follows the header, then of the header up to here
 */

export const RECORD_HEADER_BYTES = 24;
const CRC_OFFSET = 20;
/** The server's own limit (`XLogRecordMaxSize`). */
const RECORD_BYTES_MAX = 1020 * 1024 * 1024;

const XLOG_RESOURCE_MANAGER = 0;
const SWITCH_INFO = 0x40;

/** What a walk over pages finds: the pieces of each record, in order. */
export interface RecordSink {
  /** A record starts at `lsn`; undefined: somewhere before the walk, which gives it whole. */
  begin(lsn: Lsn | undefined, majorVersion: number): void;
  /**
   * Bytes of the record: `page[start, end)`, valid during the call. Returns what is wrong, once
   * the header is known, or undefined.
   */
  piece(page: Uint8Array, start: number, end: number): string | undefined;
  /** Bytes that are still missing, the rest of the header included. */
  missingBytes(): number;
  /** All bytes were given. Returns what is wrong with the record, or undefined. */
  finish(): string | undefined;
  /** The record that `finish` ended asks for a new segment: nothing follows it in this one. */
  isSwitch(): boolean;
  /** Bytes that end, or go on with, a record that began before the walk. */
  skipped?(page: Uint8Array, start: number, end: number): void;
}

/** Checks length, link to the record before, and CRC of each record, without keeping its bytes. */
export class RecordCheck implements RecordSink {
  readonly #header = new Uint8Array(RECORD_HEADER_BYTES);
  readonly #view = new DataView(this.#header.buffer);
  #seenBytes = 0;
  #totalBytes = 0;
  #crc = CRC32C_START;
  #lsn: Lsn | undefined;
  #lsnBefore: Lsn | undefined;

  begin(lsn: Lsn | undefined): void {
    this.#lsn = lsn;
    this.#seenBytes = 0;
    this.#totalBytes = 0;
    this.#crc = CRC32C_START;
  }

  piece(page: Uint8Array, start: number, end: number): string | undefined {
    let at = start;
    if (this.#seenBytes < RECORD_HEADER_BYTES) {
      const wanted = Math.min(RECORD_HEADER_BYTES - this.#seenBytes, end - at);
      this.#header.set(page.subarray(at, at + wanted), this.#seenBytes);
      this.#seenBytes += wanted;
      at += wanted;
      if (this.#totalBytes === 0) this.#totalBytes = this.#view.getUint32(0, true);
      const fault = this.#headerFault();
      if (fault !== undefined) return fault;
    }
    this.#crc = updateCrc32c(this.#crc, page, at, end);
    this.#seenBytes += end - at;
    return undefined;
  }

  missingBytes(): number {
    // The length is in the first 4 bytes, which no page end splits.
    if (this.#seenBytes === 0) return RECORD_HEADER_BYTES;
    return this.#totalBytes - this.#seenBytes;
  }

  finish(): string | undefined {
    const crc = finishCrc32c(updateCrc32c(this.#crc, this.#header, 0, CRC_OFFSET));
    if (crc !== this.#view.getUint32(CRC_OFFSET, true)) return "record checksum is wrong";
    this.#lsnBefore = this.#lsn;
    return undefined;
  }

  isSwitch(): boolean {
    return isSwitch(this.#view.getUint8(16), this.#view.getUint8(17));
  }

  #headerFault(): string | undefined {
    if (this.#totalBytes < RECORD_HEADER_BYTES || this.#totalBytes > RECORD_BYTES_MAX) {
      return `impossible record length ${this.#totalBytes}`;
    }
    if (this.#seenBytes < RECORD_HEADER_BYTES) return undefined;
    const lsn = this.#lsn;
    if (lsn === undefined) return undefined;
    const previous = this.#view.getBigUint64(8, true);
    const isLinked = this.#lsnBefore === undefined ? previous < lsn : previous === this.#lsnBefore;
    if (isLinked) return undefined;
    return `record names ${formatLsn(toLsn(previous))} as the one before`;
  }
}

/**
 * Whether the last thing written to a page is the record that asks for a new segment (its header
 * is all of it). The server leaves the pages after it zero, and the segment is complete.
 */
export function endsWithSwitch(page: Uint8Array, headerBytes: number): boolean {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  let at = page.byteLength - 8;
  while (at >= headerBytes && view.getBigUint64(at, true) === 0n) at -= 8;
  // The last word of the header: info, resource manager, checksum. It may have begun in the page
  // before, where its length is.
  if (at < headerBytes || !isSwitch(view.getUint8(at), view.getUint8(at + 1))) return false;
  const start = at - 16;
  return start < headerBytes || view.getUint32(start, true) === RECORD_HEADER_BYTES;
}

function isSwitch(info: number, manager: number): boolean {
  return manager === XLOG_RESOURCE_MANAGER && (info & 0xf0) === SWITCH_INFO;
}
