import { CRC32C_START, finishCrc32c, updateCrc32c } from "../base/crc32c.ts";
import { formatLsn, toLsn } from "../delta/lsn.ts";

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

/** What a walk over pages finds: each record as a whole, or its pieces in order. */
export interface RecordSink {
  /** A record starts at the LSN of these two halves: 100,000 records a segment, no bigints. */
  begin(lsnHigh: number, lsnLow: number, majorVersion: number): void;
  /** A record starts somewhere before the walk, which gives all of it. */
  resume(majorVersion: number): void;
  /** All of the record: `page[start, end)`. Returns what is wrong with it, or undefined. */
  whole(page: Uint8Array, start: number, end: number): string | undefined;
  /**
   * Bytes of the record: `page[start, end)`, valid during the call. Returns what is wrong, once
   * the header is known, or undefined.
   */
  piece(page: Uint8Array, start: number, end: number): string | undefined;
  /** Bytes that are still missing, the rest of the header included. */
  missingBytes(): number;
  /** All pieces were given. Returns what is wrong with the record, or undefined. */
  finish(): string | undefined;
  /** The record that ended asks for a new segment: nothing follows it in this one. */
  isSwitch(): boolean;
  /** Bytes that end, or go on with, a record that began before the walk. */
  skipped?(page: Uint8Array, start: number, end: number): void;
}

/** Checks length, link to the record before, and CRC of each record, without keeping its bytes. */
export class RecordCheck implements RecordSink {
  /** Of a record that comes in pieces. */
  readonly #header = new Uint8Array(RECORD_HEADER_BYTES);
  #seenBytes = 0;
  #totalBytes = 0;
  #crc = CRC32C_START;
  #isSwitch = false;
  #lsnHigh = 0;
  #lsnLow = 0;
  /** The start of the record is known, so its link can be compared. */
  #hasLsn = false;
  #highBefore = 0;
  #lowBefore = 0;
  #hasBefore = false;

  begin(lsnHigh: number, lsnLow: number, _majorVersion: number): void {
    this.#seenBytes = 0;
    this.#totalBytes = 0;
    this.#crc = CRC32C_START;
    this.#lsnHigh = lsnHigh;
    this.#lsnLow = lsnLow;
    this.#hasLsn = true;
  }

  resume(majorVersion: number): void {
    this.begin(0, 0, majorVersion);
    this.#hasLsn = false;
  }

  whole(page: Uint8Array, start: number, end: number): string | undefined {
    this.#totalBytes = end - start;
    const crc = updateCrc32c(CRC32C_START, page, start + RECORD_HEADER_BYTES, end);
    return this.#linkFault(page, start) ?? this.#end(crc, page, start);
  }

  piece(page: Uint8Array, start: number, end: number): string | undefined {
    let at = start;
    if (this.#seenBytes < RECORD_HEADER_BYTES) {
      const wanted = Math.min(RECORD_HEADER_BYTES - this.#seenBytes, end - at);
      this.#header.set(page.subarray(at, at + wanted), this.#seenBytes);
      this.#seenBytes += wanted;
      at += wanted;
      if (this.#totalBytes === 0) this.#totalBytes = u32(this.#header, 0);
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
    return this.#end(this.#crc, this.#header, 0);
  }

  isSwitch(): boolean {
    return this.#isSwitch;
  }

  /** `crc`: of what follows the header. */
  #end(crc: number, header: Uint8Array, at: number): string | undefined {
    const whole = finishCrc32c(updateCrc32c(crc, header, at, at + CRC_OFFSET));
    if (whole !== u32(header, at + CRC_OFFSET)) return "record checksum is wrong";
    this.#isSwitch = isSwitch(header[at + 16] ?? 0, header[at + 17] ?? 0);
    this.#highBefore = this.#lsnHigh;
    this.#lowBefore = this.#lsnLow;
    this.#hasBefore = this.#hasLsn;
    return undefined;
  }

  #headerFault(): string | undefined {
    if (this.#totalBytes < RECORD_HEADER_BYTES || this.#totalBytes > RECORD_BYTES_MAX) {
      return `impossible record length ${this.#totalBytes}`;
    }
    return this.#seenBytes < RECORD_HEADER_BYTES ? undefined : this.#linkFault(this.#header, 0);
  }

  #linkFault(header: Uint8Array, at: number): string | undefined {
    if (!this.#hasLsn) return undefined;
    const low = u32(header, at + 8);
    const high = u32(header, at + 12);
    const isLinked = this.#hasBefore
      ? low === this.#lowBefore && high === this.#highBefore
      : high < this.#lsnHigh || (high === this.#lsnHigh && low < this.#lsnLow);
    if (isLinked) return undefined;
    const previous = toLsn((BigInt(high) << 32n) | BigInt(low));
    return `record names ${formatLsn(previous)} as the one before`;
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

function u32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] ?? 0) |
      ((bytes[at + 1] ?? 0) << 8) |
      ((bytes[at + 2] ?? 0) << 16) |
      ((bytes[at + 3] ?? 0) << 24)) >>>
    0
  );
}
