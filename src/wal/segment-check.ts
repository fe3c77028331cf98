import { CorruptObjectError } from "../base/errors.ts";
import { formatLsn, toLsn } from "../delta/lsn.ts";
import { InvalidJournalError } from "./errors.ts";
import {
  LONG_HEADER_BYTES,
  type LongPageHeader,
  type PageHeader,
  parseLongPageHeader,
  parsePageHeader,
  SHORT_HEADER_BYTES,
} from "./page-header.ts";
import { endsWithSwitch, RecordCheck } from "./record.ts";
import { isZero, RecordWalker } from "./record-walker.ts";
import { parseSegmentName, type SegmentName, segmentStart } from "./segment-name.ts";

/** What is known of the cluster that a segment must belong to; unknown parts are not compared. */
export interface SegmentOwner {
  readonly systemIdentifier?: bigint | undefined;
  readonly segmentBytes?: number | undefined;
  readonly walBlockBytes?: number | undefined;
}

/**
 * Whether a segment's first page belongs under `name` and to `owner`; its long header.
 * The timeline in the header may be older than the name's: a new timeline's first segment begins
 * with a copy of the old one's pages.
 */
export function checkFirstPage(
  name: SegmentName,
  bytes: Uint8Array,
  owner: SegmentOwner,
): LongPageHeader {
  const { header, fault } = parseLongPageHeader(bytes);
  if (header === undefined) {
    throw new InvalidJournalError(name, fault, "It is not a WAL segment of PostgreSQL 13 to 18.");
  }
  const differs = (what: string, own: bigint | number, wanted: bigint | number | undefined) => {
    if (wanted === undefined || own === wanted) return;
    throw new InvalidJournalError(
      name,
      `${what} is ${own}, the cluster's is ${wanted}`,
      "The segment belongs to another cluster.",
    );
  };
  differs("system identifier", header.systemIdentifier, owner.systemIdentifier);
  differs("segment size", header.segmentBytes, owner.segmentBytes);
  differs("WAL page size", header.pageBytes, owner.walBlockBytes);
  const segment = parseSegmentName(name, header.segmentBytes);
  if (segment === undefined) {
    throw new InvalidJournalError(name, `no such name with segments of ${header.segmentBytes} B`);
  }
  if (segmentStart(segment, header.segmentBytes) !== header.address) {
    const address = formatLsn(header.address);
    throw new InvalidJournalError(name, `holds WAL from ${address}`, "The file is misnamed.");
  }
  if (header.timeline > segment.timeline || header.timeline === 0) {
    throw new InvalidJournalError(name, `holds WAL of timeline ${header.timeline}`);
  }
  return header;
}

/**
 * Checks a whole segment while its bytes pass, in any chunks: every page's header, and with
 * `checksRecords` length, link and CRC of every record that begins in it. A record that goes on
 * from the segment before, or into the next, is checked as far as it lies in this one.
 */
export class SegmentCheck {
  readonly #name: SegmentName;
  readonly #owner: SegmentOwner;
  readonly #walker: RecordWalker | undefined;
  #first: LongPageHeader | undefined;
  #lastTimeline = 0;
  /** Of the first page, as its 16 bits. */
  #magic = 0;
  #hasEnded = false;
  #hasSwitched = false;
  /** The last written page: of the chunk that is looked at, else a copy. */
  #lastPage: Uint8Array = new Uint8Array(0);
  #pageIndex = 0;
  #sizeBytes = 0;
  #pending = new Uint8Array(LONG_HEADER_BYTES);
  #pendingBytes = 0;

  constructor(
    name: SegmentName,
    options: {
      readonly owner: SegmentOwner;
      readonly checksRecords: boolean;
      /** Walks over the records instead of one that only checks them. */
      readonly walker?: RecordWalker;
    },
  ) {
    this.#name = name;
    this.#owner = options.owner;
    const { walker, checksRecords } = options;
    this.#walker = walker ?? (checksRecords ? new RecordWalker(new RecordCheck()) : undefined);
  }

  /** The first page's header, once its bytes have come. */
  get firstHeader(): LongPageHeader | undefined {
    return this.#first;
  }

  /** Takes the next bytes; throws at the first fault. */
  update(chunk: Uint8Array): void {
    this.#sizeBytes += chunk.byteLength;
    let at = 0;
    if (this.#pendingBytes > 0 || this.#first === undefined) at = this.#fill(chunk, 0);
    const first = this.#first;
    if (first === undefined) return;
    const { pageBytes } = first;
    // What was kept for the first header may be less than a page.
    while (at < chunk.byteLength) {
      if (this.#pendingBytes > 0 || chunk.byteLength - at < pageBytes) at = this.#fill(chunk, at);
      else {
        at = this.#ordinaryPages(chunk, at, first);
        if (chunk.byteLength - at < pageBytes) continue;
        this.#page(chunk.subarray(at, at + pageBytes));
        at += pageBytes;
      }
    }
    // The chunk is its reader's after this; `slice` of a Buffer would not copy.
    if (!this.#hasEnded) this.#lastPage = new Uint8Array(this.#lastPage);
  }

  /**
   * The end: the segment must have its full size. `isComplete` is false when the server stopped
   * writing inside it without switching to the next: pages of zeros, or of the segment that the
   * file was before, follow.
   */
  finish(): { readonly isComplete: boolean } {
    const first = this.#first;
    if (first === undefined || this.#sizeBytes !== first.segmentBytes) {
      const wanted = first === undefined ? "" : `, a segment has ${first.segmentBytes}`;
      throw new InvalidJournalError(this.#name, `has ${this.#sizeBytes} bytes${wanted}`);
    }
    return { isComplete: !this.#hasEnded || this.#hasSwitched };
  }

  /** Collects a page (or the first header) that lies in several chunks. */
  #fill(chunk: Uint8Array, from: number): number {
    const taken = Math.min(this.#pending.byteLength - this.#pendingBytes, chunk.byteLength - from);
    this.#pending.set(chunk.subarray(from, from + taken), this.#pendingBytes);
    this.#pendingBytes += taken;
    if (this.#pendingBytes < this.#pending.byteLength) return from + taken;
    if (this.#first === undefined) {
      const first = checkFirstPage(this.#name, this.#pending, this.#owner);
      this.#first = first;
      this.#magic = (this.#pending[0] ?? 0) | ((this.#pending[1] ?? 0) << 8);
      const page = new Uint8Array(first.pageBytes);
      page.set(this.#pending);
      this.#pending = page;
      return from + taken;
    }
    const page = this.#pending;
    // Not reused: it may stay as the last written page.
    this.#pending = new Uint8Array(this.#first.pageBytes);
    this.#pendingBytes = 0;
    this.#page(page);
    return from + taken;
  }

  /**
   * Passes over pages that are as expected in every field; the first other one is looked at by
   * `#page`. A process that moves one segment runs this cold, so it makes no object a page.
   * Returns where the next page starts.
   */
  #ordinaryPages(chunk: Uint8Array, from: number, first: LongPageHeader): number {
    const isAligned = (chunk.byteOffset + from) % 4 === 0;
    const isFollowing = this.#pageIndex > 0 && !this.#hasEnded;
    if (this.#walker !== undefined || !isAligned || !isFollowing) return from;
    const { pageBytes, segmentBytes } = first;
    const length = (chunk.byteLength - from) >> 2;
    const words = new Int32Array(chunk.buffer, chunk.byteOffset + from, length);
    const magic = this.#magic;
    const pageWords = pageBytes >> 2;
    const addressHigh = Number(first.address >> 32n) | 0;
    const addressLow = Number(first.address & 0xffff_ffffn);
    const pagesMax = Math.min((length / pageWords) | 0, segmentBytes / pageBytes - this.#pageIndex);
    let pages = 0;
    for (; pages < pagesMax; pages += 1) {
      const at = pages * pageWords;
      const low = (addressLow + (this.#pageIndex + pages) * pageBytes) | 0;
      const start = words[at] ?? 0;
      // Flags 1 (a record goes on) and 4 (harmless), and the length that belongs to the first.
      const goesOn = (start & 0x1_0000) !== 0;
      if ((start & ~0x5_0000) !== magic || words[at + 1] !== this.#lastTimeline) break;
      if (words[at + 2] !== low || words[at + 3] !== addressHigh) break;
      if (goesOn !== (words[at + 4] !== 0)) break;
    }
    if (pages === 0) return from;
    this.#pageIndex += pages;
    const end = from + pages * pageBytes;
    this.#lastPage = chunk.subarray(end - pageBytes, end);
    return end;
  }

  #page(page: Uint8Array): void {
    const first = this.#first;
    if (first === undefined || this.#pageIndex * first.pageBytes >= first.segmentBytes) {
      throw new InvalidJournalError(this.#name, `is longer than ${first?.segmentBytes} bytes`);
    }
    if (isZero(page, 0, SHORT_HEADER_BYTES)) {
      if (!isZero(page, 0, page.byteLength)) throw this.#damage("page has no header");
      this.#end();
    } else {
      this.#headedPage(page, first);
    }
    this.#pageIndex += 1;
  }

  #headedPage(page: Uint8Array, first: LongPageHeader): void {
    const { header, fault } = parsePageHeader(page);
    if (header === undefined) throw this.#damage(fault);
    if (this.#isRecycled(header, first)) {
      this.#end();
      return;
    }
    const wrong = this.#headerFault(header, first) ?? this.#walker?.page(page, header);
    if (wrong !== undefined) throw this.#damage(wrong);
    this.#lastTimeline = header.timeline;
    this.#lastPage = page;
  }

  #end(): void {
    this.#walker?.end();
    if (!this.#hasEnded) this.#hasSwitched = this.#lastPageSwitches();
    this.#hasEnded = true;
  }

  #lastPageSwitches(): boolean {
    const isFirst = this.#pageIndex === 1;
    return endsWithSwitch(this.#lastPage, isFirst ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES);
  }

  /** The server reuses old segments as they are and writes over them page by page. */
  #isRecycled(header: PageHeader, first: LongPageHeader): boolean {
    const segmentBytes = BigInt(first.segmentBytes);
    const offset = BigInt(this.#pageIndex * first.pageBytes);
    return header.address < first.address && header.address % segmentBytes === offset;
  }

  #headerFault(header: PageHeader, first: LongPageHeader): string | undefined {
    if (this.#hasEnded) return "a page follows the end of the written ones";
    if (header.majorVersion !== first.majorVersion) return "page is of another version";
    const address = first.address + BigInt(this.#pageIndex * first.pageBytes);
    if (header.address !== address) return `page says ${formatLsn(header.address)}`;
    const nameTimeline = Number.parseInt(this.#name.slice(0, 8), 16);
    if (header.timeline < this.#lastTimeline || header.timeline > nameTimeline) {
      return `page is of timeline ${header.timeline}`;
    }
    const isLong = header.headerBytes === LONG_HEADER_BYTES;
    if (isLong !== (this.#pageIndex === 0)) return "long header on the wrong page";
    return undefined;
  }

  #damage(detail: string): CorruptObjectError {
    const first = this.#first;
    const start = first === undefined ? 0n : first.address;
    const at = toLsn(start + BigInt(this.#pageIndex * (first?.pageBytes ?? 0)));
    return new CorruptObjectError(this.#name, `WAL page at ${formatLsn(at)}: ${detail}`);
  }
}
