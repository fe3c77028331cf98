import type { ChangeSink } from "../delta/change-sink.ts";
import { RECORD_HEADER_BYTES, RecordCheck, type RecordSink } from "./record.ts";
import { mayChangeRelations, relationChanges } from "./relation-records.ts";

/*
 * What follows a record's header, little endian (src/include/access/xlogrecord.h): headers, then
 * as much data as they promise. Each header begins with an id:
 *
 *   0…32  a block, ids ascending:
 *         u8 fork (low 4 bits) and flags, u16 data length (with flag 0x20, else 0)
 *         flag 0x10, an image: u16 length, u16 offset of its hole, u8 kind,
 *           and when it has a hole and is compressed: u16 length of the hole
 *         unless flag 0x80 (same relation as before): u32 tablespace, database, relation
 *         u32 block
 *   252   u32 transaction at the top (from 14 on)
 *   253   u16 origin
 *   254   u32 length of the main data, which comes last; no header follows
 *   255   the same as u8
 *
 * Kind of an image: 1 has a hole; 13 and 14: 2 compressed, 4 to be applied; from 15 on: 2 to be
 * applied, 4, 8 and 16 compressed by pglz, lz4, zstd.
 */

const BLOCK_ID_MAX = 32;
const FORK_MAX = 3;
const HAS_IMAGE = 0x10;
const HAS_DATA = 0x20;
const SAME_RELATION = 0x80;
const NO_BLOCK = 0xffff_ffff;

/** Longer records are followed without keeping the rest of them. */
const KEPT_BYTES_MAX = 16 << 20;
const KEPT_BYTES_START = 64 << 10;

/** Checks records as `RecordCheck` does, and tells of the blocks that they name or make stale. */
export class BlockReferences implements RecordSink {
  readonly #sink: ChangeSink;
  readonly #check = new RecordCheck();
  #majorVersion = 0;
  /** A record that goes over page ends is put together here. */
  #kept = new Uint8Array(0);
  #keptBytes = 0;
  #seenBytes = 0;
  /** Where the last parsed record's main data begins. */
  #mainStart = 0;

  constructor(sink: ChangeSink) {
    this.#sink = sink;
  }

  begin(lsnHigh: number, lsnLow: number, majorVersion: number): void {
    this.#check.begin(lsnHigh, lsnLow, majorVersion);
    this.#start(majorVersion);
  }

  resume(majorVersion: number): void {
    this.#check.resume(majorVersion);
    this.#start(majorVersion);
  }

  #start(majorVersion: number): void {
    this.#majorVersion = majorVersion;
    this.#keptBytes = 0;
    this.#seenBytes = 0;
  }

  whole(page: Uint8Array, start: number, end: number): string | undefined {
    this.#seenBytes = end - start;
    return this.#check.whole(page, start, end) ?? this.#parse(page, start, end);
  }

  piece(page: Uint8Array, start: number, end: number): string | undefined {
    const fault = this.#check.piece(page, start, end);
    if (fault !== undefined) return fault;
    this.#seenBytes += end - start;
    this.#keep(page, start, end);
    return undefined;
  }

  missingBytes(): number {
    return this.#check.missingBytes();
  }

  finish(): string | undefined {
    return this.#check.finish() ?? this.#parse(this.#kept, 0, this.#keptBytes);
  }

  isSwitch(): boolean {
    return this.#check.isSwitch();
  }

  /** All bytes so far of a record that has begun; undefined when they are too many. */
  unfinished(): Uint8Array | undefined {
    return this.#keptBytes < this.#seenBytes ? undefined : this.#kept.slice(0, this.#keptBytes);
  }

  #keep(page: Uint8Array, start: number, end: number): void {
    const wanted = Math.min(end - start, KEPT_BYTES_MAX - this.#keptBytes);
    const size = this.#keptBytes + wanted;
    if (size > this.#kept.byteLength) {
      const larger = new Uint8Array(Math.max(KEPT_BYTES_START, this.#kept.byteLength * 2, size));
      larger.set(this.#kept.subarray(0, this.#keptBytes));
      this.#kept = larger;
    }
    this.#kept.set(page.subarray(start, start + wanted), this.#keptBytes);
    this.#keptBytes = size;
  }

  #parse(bytes: Uint8Array, start: number, end: number): string | undefined {
    const info = bytes[start + 16] ?? 0;
    const manager = bytes[start + 17] ?? 0;
    const recordEnd = start + this.#seenBytes;
    const fault = this.#parseHeaders(bytes, start + RECORD_HEADER_BYTES, recordEnd);
    if (fault !== undefined || !mayChangeRelations(manager, info)) return fault;
    if (end < recordEnd) return `record of ${this.#seenBytes} bytes is too long to be kept`;
    const main = bytes.subarray(this.#mainStart, end);
    const majorVersion = this.#majorVersion;
    return relationChanges({ manager, info, majorVersion, main }, this.#sink);
  }

  #parseHeaders(bytes: Uint8Array, start: number, end: number): string | undefined {
    const compressedBits = this.#majorVersion >= 15 ? 0x1c : 0x02;
    let at = start;
    let dataBytes = 0;
    let mainBytes = 0;
    let idBefore = -1;
    let hasRelation = false;
    let tablespace = 0;
    let database = 0;
    let relation = 0;
    while (end - at > dataBytes) {
      const id = bytes[at] ?? 0;
      if (id > BLOCK_ID_MAX) {
        if (id >= 254) {
          mainBytes = id === 255 ? (bytes[at + 1] ?? 0) : u32(bytes, at + 1);
          at += id === 255 ? 2 : 5;
          dataBytes += mainBytes;
          break;
        }
        if (id === 253) at += 3;
        else if (id === 252 && this.#majorVersion >= 14) at += 5;
        else return `record has a header of unknown kind ${id}`;
        continue;
      }
      if (id <= idBefore) return `record names block ${id} after ${idBefore}`;
      idBefore = id;
      const flags = bytes[at + 1] ?? 0;
      const blockDataBytes = u16(bytes, at + 2);
      at += 4;
      if ((flags & 0x0f) > FORK_MAX) return `record names fork ${flags & 0x0f}`;
      if (((flags & HAS_DATA) !== 0) !== blockDataBytes > 0) {
        return "flag and length of a block's data disagree";
      }
      dataBytes += blockDataBytes;
      if ((flags & HAS_IMAGE) !== 0) {
        const kind = bytes[at + 4] ?? 0;
        dataBytes += u16(bytes, at);
        at += (kind & 1) !== 0 && (kind & compressedBits) !== 0 ? 7 : 5;
      }
      if ((flags & SAME_RELATION) === 0) {
        tablespace = u32(bytes, at);
        database = u32(bytes, at + 4);
        relation = u32(bytes, at + 8);
        at += 12;
        hasRelation = true;
      } else if (!hasRelation) {
        return "record names the same relation before any";
      }
      const block = u32(bytes, at);
      at += 4;
      if (block === NO_BLOCK || relation === 0) return "record names no block";
      this.#sink.block(tablespace, database, relation, block);
    }
    if (end - at !== dataBytes) return "record's headers promise other lengths";
    this.#mainStart = end - mainBytes;
    return undefined;
  }
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

function u32(bytes: Uint8Array, at: number): number {
  return (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;
}
