import { CRC32C_START, finishCrc32c, updateCrc32c } from "../../src/base/crc32c.ts";
import { formatSegmentName, type SegmentName } from "../../src/wal/segment-name.ts";

const PAGE_BYTES = 8192;
const LONG_HEADER_BYTES = 40;
const SHORT_HEADER_BYTES = 24;
const MAGICS: Readonly<Record<number, number>> = { 13: 0xd106, 14: 0xd10d, 15: 0xd110, 17: 0xd116 };

/** `u8(1)`, `u16(2)`, `u32(3)`: little-endian fields of a record that is written by hand. */
export const u8 = (...values: number[]): number[] => values.map((value) => value & 0xff);
export const u16 = (...values: number[]): number[] =>
  values.flatMap((value) => [value & 0xff, value >>> 8]);
export const u32 = (...values: number[]): number[] =>
  values.flatMap((value) => [...u16(value & 0xffff), ...u16(value >>> 16)]);

export interface RecordKind {
  readonly manager: number;
  readonly info: number;
}

const HEAP: RecordKind = { manager: 10, info: 0 };

/** A record's bytes after its header that name one block of a relation in database 5. */
export function heapChange(relation: number, block: number, dataBytes = 8): number[] {
  const main = dataBytes < 256 ? [255, dataBytes] : [254, ...u32(dataBytes)];
  const header = [0, ...u8(0), ...u16(0), ...u32(1663, 5, relation, block), ...main];
  return header.concat(Array.from({ length: dataBytes }, (_, index) => index & 0xff));
}

/** A record alone: header with the right CRC, then the body. */
export function recordBytes(body: readonly number[], previous = 1n, kind = HEAP): Uint8Array {
  const bytes = new Uint8Array(SHORT_HEADER_BYTES + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.byteLength, true);
  view.setBigUint64(8, previous, true);
  bytes[16] = kind.info;
  bytes[17] = kind.manager;
  bytes.set(body, SHORT_HEADER_BYTES);
  const crc = updateCrc32c(CRC32C_START, bytes, SHORT_HEADER_BYTES, bytes.byteLength);
  view.setUint32(20, finishCrc32c(updateCrc32c(crc, bytes, 0, 20)), true);
  return bytes;
}

/** WAL as a server writes it: records over pages and segments of 1 MiB, from a segment's start. */
export class MadeWal {
  static readonly segmentBytes = 1 << 20;
  readonly #majorVersion: number;
  readonly #start: number;
  #timeline: number;
  /** Where a new timeline began, and the one before it. */
  readonly #switches: { readonly at: number; readonly timeline: number }[] = [];
  #bytes = new Uint8Array(0);
  #at = 0;
  #previous = 1n;
  /** Set before the next page begins: its first record follows one that was given up. */
  #isOverwrite = false;

  constructor(options: { majorVersion?: number; firstSegment?: number; timeline?: number } = {}) {
    this.#majorVersion = options.majorVersion ?? 17;
    this.#start = (options.firstSegment ?? 16) * MadeWal.segmentBytes;
    this.#timeline = options.timeline ?? 1;
  }

  /** Where the next record begins. */
  get lsn(): bigint {
    this.#page(0);
    return BigInt(this.#start + this.#at);
  }

  record(body: readonly number[], kind = HEAP): void {
    const lsn = this.lsn;
    const bytes = recordBytes(body, this.#previous, kind);
    this.#previous = lsn;
    this.#write(bytes);
  }

  /** Writes only the first bytes of a record; the next one begins at the next page. */
  giveUp(body: readonly number[], writtenBytes: number): void {
    this.#page(0);
    this.#write(recordBytes(body, this.#previous), writtenBytes);
    this.#at = Math.ceil(this.#at / PAGE_BYTES) * PAGE_BYTES;
    this.#isOverwrite = true;
  }

  /** Records until the segment has only `left` bytes. */
  fillSegment(left: number, relation = 9000): void {
    const { segmentBytes } = MadeWal;
    for (let block = 0; ; block += 1) {
      const room = segmentBytes - (Number(this.lsn) % segmentBytes) - left;
      if (room < 200) return;
      this.record(heapChange(relation, block, Math.min(4000, room - 120)));
    }
  }

  /** Asks for a new segment: the rest of this one is empty. */
  switchSegment(): void {
    this.record([], { manager: 0, info: 0x40 });
    this.#at = Math.ceil(this.#at / MadeWal.segmentBytes) * MadeWal.segmentBytes;
  }

  /** From here on another timeline writes; its first segment begins with a copy. */
  beginTimeline(timeline: number): void {
    this.#switches.push({
      at: Math.floor(this.#at / MadeWal.segmentBytes),
      timeline: this.#timeline,
    });
    this.#timeline = timeline;
  }

  /** Every segment that has bytes, by name; the last one may be half empty. */
  segments(): ReadonlyMap<SegmentName, Uint8Array> {
    const { segmentBytes } = MadeWal;
    const count = Math.ceil(this.#at / segmentBytes);
    const whole = new Uint8Array(count * segmentBytes);
    whole.set(this.#bytes.subarray(0, Math.min(whole.byteLength, this.#at)));
    const found = new Map<SegmentName, Uint8Array>();
    for (let index = 0; index < count; index += 1) {
      const number = BigInt(this.#start / segmentBytes + index);
      const later = this.#switches.find((change) => index < change.at);
      const name = formatSegmentName(
        { timeline: later?.timeline ?? this.#timeline, number },
        segmentBytes,
      );
      found.set(name, whole.slice(index * segmentBytes, (index + 1) * segmentBytes));
    }
    return found;
  }

  #write(record: Uint8Array, writtenBytes = record.byteLength): void {
    for (let done = 0; done < writtenBytes; ) {
      this.#page(done === 0 ? 0 : record.byteLength - done);
      const room = PAGE_BYTES - (this.#at % PAGE_BYTES);
      const piece = record.subarray(done, Math.min(done + room, writtenBytes));
      this.#reserve(this.#at + piece.byteLength);
      this.#bytes.set(piece, this.#at);
      this.#at += piece.byteLength;
      done += piece.byteLength;
    }
    this.#at = (this.#at + 7) & ~7;
  }

  /** Writes a page's header where one is due. */
  #page(continuationBytes: number): void {
    if (this.#at % PAGE_BYTES !== 0) return;
    const isLong = this.#at % MadeWal.segmentBytes === 0;
    this.#reserve(this.#at + LONG_HEADER_BYTES);
    const view = new DataView(this.#bytes.buffer, this.#at);
    const flags = (continuationBytes > 0 ? 1 : 0) | (isLong ? 2 : 0) | (this.#isOverwrite ? 8 : 0);
    view.setUint16(0, MAGICS[this.#majorVersion] ?? 0, true);
    view.setUint16(2, flags, true);
    view.setUint32(4, this.#timeline, true);
    view.setBigUint64(8, BigInt(this.#start + this.#at), true);
    view.setUint32(16, continuationBytes, true);
    if (isLong) {
      view.setBigUint64(24, 7_000_000n, true);
      view.setUint32(32, MadeWal.segmentBytes, true);
      view.setUint32(36, PAGE_BYTES, true);
    }
    this.#isOverwrite = false;
    this.#at += isLong ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES;
  }

  #reserve(sizeBytes: number): void {
    if (sizeBytes <= this.#bytes.byteLength) return;
    const larger = new Uint8Array(Math.max(sizeBytes + PAGE_BYTES, 2 * this.#bytes.byteLength));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/** The cluster that `MadeWal` is of. */
export const MADE_SYSTEM_IDENTIFIER = 7_000_000n;
