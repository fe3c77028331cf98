import { type Lsn, toLsn } from "../delta/lsn.ts";
import { PAGE_FLAG, type PageHeader } from "./page-header.ts";
import type { RecordSink } from "./record.ts";

const ZEROS = new Uint8Array(1 << 16);

/** Whether all of `[start, end)` is zero; at most 64 KiB. */
export function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  return Buffer.compare(bytes.subarray(start, end), ZEROS.subarray(0, end - start)) === 0;
}

/**
 * Follows records over the pages of one segment or of several in a row. The rest of a record
 * that began before the first page is skipped, since its start is not there.
 */
export class RecordWalker {
  readonly #sink: RecordSink;
  /** Bytes of a record that began before the first page. */
  #skipBytes = 0;
  #isFirstPage = true;
  #isInRecord = false;
  #hasEnded = false;

  constructor(sink: RecordSink) {
    this.#sink = sink;
  }

  /** Walks one page; returns what is wrong with it, or undefined. */
  page(page: Uint8Array, header: PageHeader): string | undefined {
    if (this.#hasEnded) {
      const isEmpty = isZero(page, header.headerBytes, page.byteLength);
      return isEmpty ? undefined : "bytes after the segment's last record";
    }
    let at = header.headerBytes;
    if (this.#isFirstPage) this.#skipBytes = header.continuationBytes;
    const isFirstPage = this.#isFirstPage;
    this.#isFirstPage = false;
    if ((header.flags & PAGE_FLAG.firstIsOverwrite) !== 0) {
      // The server crashed inside that record and gave it up; its rest was never written.
      this.#isInRecord = false;
      this.#skipBytes = 0;
    }
    const missing = this.#isInRecord ? this.#sink.missingBytes() : this.#skipBytes;
    if (!isFirstPage && header.continuationBytes !== missing) {
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
    } else {
      this.#skipBytes -= taken;
    }
    at = align(at + taken);
    return taken < missing || this.#hasEnded
      ? this.#restIsZero(page, at)
      : this.#records(page, at, header.address);
  }

  /** A page of zeros: nothing follows in this segment. */
  end(): void {
    this.#hasEnded = true;
  }

  #records(page: Uint8Array, from: number, address: Lsn): string | undefined {
    const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
    for (let at = from; at < page.byteLength; ) {
      const totalBytes = view.getUint32(at, true);
      if (totalBytes === 0) this.#hasEnded = true;
      if (this.#hasEnded) return this.#restIsZero(page, at);
      this.#sink.begin(toLsn(address + BigInt(at)));
      const end = Math.min(at + totalBytes, page.byteLength);
      const fault = this.#sink.piece(page, at, end);
      if (fault !== undefined) return fault;
      if (this.#sink.missingBytes() > 0) {
        this.#isInRecord = true;
        return undefined;
      }
      const wrong = this.#finishRecord();
      if (wrong !== undefined) return wrong;
      at = align(end);
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
