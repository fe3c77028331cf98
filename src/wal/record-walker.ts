import { PAGE_FLAG, type PageHeader } from "./page-header.ts";
import { RECORD_HEADER_BYTES, type RecordSink } from "./record.ts";

const ZEROS = new Uint8Array(1 << 16);

/** Whether all of `[start, end)` is zero; at most 64 KiB. */
export function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  return Buffer.compare(bytes.subarray(start, end), ZEROS.subarray(0, end - start)) === 0;
}

/**
 * Follows records over the pages of one segment or of several in a row. The rest of a record
 * that began before the first page is skipped, unless its start was given.
 */
export class RecordWalker {
  readonly #sink: RecordSink;
  /** Bytes of a record that began before the first page; undefined until that page is there. */
  #skipBytes: number | undefined;
  #isInRecord = false;
  #hasEnded = false;

  constructor(sink: RecordSink) {
    this.#sink = sink;
  }

  /** Whether the last record goes on after the last page. */
  get isInRecord(): boolean {
    return this.#isInRecord;
  }

  /**
   * Before the first page: the bytes before it that belong to an unfinished record, or none when
   * the first page must begin with a record. Returns what is wrong with them, or undefined.
   */
  resume(bytes: Uint8Array, majorVersion: number): string | undefined {
    this.#skipBytes = 0;
    if (bytes.byteLength === 0) return undefined;
    // The first word of a record is never split.
    if (bytes.byteLength < 8) return `unfinished record has ${bytes.byteLength} bytes`;
    this.#sink.resume(majorVersion);
    const fault = this.#sink.piece(bytes, 0, bytes.byteLength);
    if (fault !== undefined) return fault;
    if (this.#sink.missingBytes() <= 0) return "unfinished record is finished";
    this.#isInRecord = true;
    return undefined;
  }

  /** The next page is another segment's first: what ended the one before does not end it. */
  nextSegment(): void {
    this.#hasEnded = false;
  }

  /** Walks one page; returns what is wrong with it, or undefined. */
  page(page: Uint8Array, header: PageHeader): string | undefined {
    if (this.#hasEnded) {
      const isEmpty = isZero(page, header.headerBytes, page.byteLength);
      return isEmpty ? undefined : "bytes after the segment's last record";
    }
    let at = header.headerBytes;
    this.#skipBytes ??= header.continuationBytes;
    if ((header.flags & PAGE_FLAG.firstIsOverwrite) !== 0) {
      // The server crashed inside that record and gave it up; its rest was never written.
      this.#isInRecord = false;
      this.#skipBytes = 0;
    }
    const missing = this.#isInRecord ? this.#sink.missingBytes() : this.#skipBytes;
    if (header.continuationBytes !== missing) {
      return `continuation has ${header.continuationBytes} bytes, ${missing} are missing`;
    }
    const room = page.byteLength - at;
    const taken = Math.min(missing, room);
    if (this.#isInRecord) {
      const fault = this.#sink.piece(page, at, at + taken);
      if (fault !== undefined) return fault;
      if (taken === missing) {
        this.#isInRecord = false;
        const wrong = this.#finishRecord();
        if (wrong !== undefined) return wrong;
      }
    } else if (taken > 0) {
      this.#skipBytes -= taken;
      this.#sink.skipped?.(page, at, at + taken);
    }
    at = align(at + taken);
    return taken < missing || this.#hasEnded
      ? this.#restIsZero(page, at)
      : this.#records(page, at, header);
  }

  /** A page of zeros: nothing follows in this segment. */
  end(): void {
    this.#hasEnded = true;
  }

  #records(page: Uint8Array, from: number, header: PageHeader): string | undefined {
    const { address, majorVersion } = header;
    const high = Number(address >> 32n);
    const low = Number(address & 0xffff_ffffn);
    const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
    for (let at = from; at < page.byteLength; ) {
      const totalBytes = view.getUint32(at, true);
      if (totalBytes === 0) this.#hasEnded = true;
      if (this.#hasEnded) return this.#restIsZero(page, at);
      this.#sink.begin(high, low + at, majorVersion);
      const end = at + totalBytes;
      if (totalBytes >= RECORD_HEADER_BYTES && end <= page.byteLength) {
        const fault = this.#sink.whole(page, at, end);
        if (fault !== undefined) return fault;
        this.#hasEnded = this.#sink.isSwitch();
        at = align(end);
        continue;
      }
      const fault = this.#sink.piece(page, at, page.byteLength);
      if (fault !== undefined) return fault;
      this.#isInRecord = true;
      return undefined;
    }
    return undefined;
  }

  #finishRecord(): string | undefined {
    const fault = this.#sink.finish();
    if (fault !== undefined) return fault;
    // A switch ends the segment: the server fills the rest with empty pages.
    if (this.#sink.isSwitch()) this.#hasEnded = true;
    return undefined;
  }

  #restIsZero(page: Uint8Array, at: number): string | undefined {
    if (!this.#hasEnded || isZero(page, Math.min(at, page.byteLength), page.byteLength)) {
      return undefined;
    }
    return "bytes after the segment's last record";
  }
}

function align(offset: number): number {
  return (offset + 7) & ~7;
}
