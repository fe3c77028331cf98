// Records of real segments: their number against pg_waldump, records that go over page and
// segment ends, a record that the server gave up, and each kind of fault.
import { expect, test } from "vitest";
import { CRC32C_START, finishCrc32c, updateCrc32c } from "../../../src/base/crc32c.ts";
import { toLsn } from "../../../src/delta/lsn.ts";
import { type PageHeader, parsePageHeader } from "../../../src/wal/page-header.ts";
import { RecordCheck, type RecordSink } from "../../../src/wal/record.ts";
import { RecordWalker } from "../../../src/wal/record-walker.ts";
import { goldenSegment } from "../../support/golden-wal.ts";

const PAGE = 8192;

/** Counts what the check lets pass. */
class Counter extends RecordCheck implements RecordSink {
  count = 0;
  override whole(page: Uint8Array, start: number, end: number): string | undefined {
    return this.#counted(super.whole(page, start, end));
  }
  override finish(): string | undefined {
    return this.#counted(super.finish());
  }
  #counted(fault: string | undefined): string | undefined {
    if (fault === undefined) this.count += 1;
    return fault;
  }
}

function walk(bytes: Uint8Array, walker: RecordWalker): string | undefined {
  for (let at = 0; at < bytes.byteLength; at += PAGE) {
    const page = bytes.subarray(at, at + PAGE);
    const { header } = parsePageHeader(page);
    if (header === undefined && page.some((byte) => byte !== 0)) return "no header";
    // Pages after a switch are zero.
    const fault = header === undefined ? undefined : walker.page(page, header);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

test("finds as many records as pg_waldump of the same version", () => {
  const middle = new Counter();
  expect(walk(goldenSegment(15, "middle").bytes, new RecordWalker(middle))).toBeUndefined();
  expect(middle.count).toBe(1210);
  const switched = new Counter();
  expect(walk(goldenSegment(15, "switched").bytes, new RecordWalker(switched))).toBeUndefined();
  expect(switched.count).toBe(582);
});

test.each([13, 14, 15, 16, 17, 18])("checks records across segments of version %i", (version) => {
  const counter = new Counter();
  const walker = new RecordWalker(counter);
  expect(walk(goldenSegment(version, "middle").bytes, walker)).toBeUndefined();
  const before = counter.count;
  // The record that goes over the segment's end is whole only with both.
  const next = goldenSegment(version, "switched").bytes;
  const alone = new Counter();
  expect(walk(next, new RecordWalker(alone))).toBeUndefined();
  expect(walk(next, walker)).toBeUndefined();
  expect(counter.count - before).toBe(alone.count + 1);
});

const HEADER: PageHeader = {
  majorVersion: 17,
  flags: 0,
  timeline: 1,
  address: toLsn(0x1000000n),
  continuationBytes: 0,
  headerBytes: 24,
};

/** A record with correct checksum. */
function record(payload: Uint8Array, previous: bigint, kind = { info: 0, manager: 10 }) {
  const bytes = new Uint8Array(24 + payload.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.byteLength, true);
  view.setBigUint64(8, previous, true);
  view.setUint8(16, kind.info);
  view.setUint8(17, kind.manager);
  bytes.set(payload, 24);
  const body = updateCrc32c(CRC32C_START, bytes, 24, bytes.byteLength);
  view.setUint32(20, finishCrc32c(updateCrc32c(body, bytes, 0, 20)), true);
  return bytes;
}

function pageOf(...pieces: readonly Uint8Array[]): Uint8Array {
  const page = new Uint8Array(PAGE);
  let at = 24;
  for (const piece of pieces) {
    page.set(piece, at);
    at = (at + piece.byteLength + 7) & ~7;
  }
  return page;
}

const START = 0x1000000n + 24n;

test("accepts records, then zeros, and nothing after them", () => {
  const first = record(new Uint8Array(5).fill(1), 0xfffff0n);
  const second = record(new Uint8Array(1).fill(2), START);
  const page = pageOf(first, second);
  const walker = new RecordWalker(new RecordCheck());
  expect(walker.page(page, HEADER)).toBeUndefined();
  const address = toLsn(HEADER.address + BigInt(PAGE));
  const next = { ...HEADER, address };
  expect(walker.page(new Uint8Array(PAGE), next)).toBeUndefined();
  expect(walker.page(pageOf(record(new Uint8Array(1), 0n)), next)).toMatch(/after the segment's/);
});

test("a switch ends the segment", () => {
  const change = record(new Uint8Array(0), 1n, { info: 0x40, manager: 0 });
  const walker = new RecordWalker(new RecordCheck());
  expect(walker.page(pageOf(change), HEADER)).toBeUndefined();
  const other = new RecordWalker(new RecordCheck());
  expect(other.page(pageOf(change, record(new Uint8Array(1), START)), HEADER)).toMatch(/after the/);
});

test("a record over a page end needs exactly its missing bytes there", () => {
  const long = record(new Uint8Array(PAGE).fill(7), 1n);
  const room = PAGE - 24;
  const first = pageOf(long.subarray(0, room));
  const rest = long.subarray(room);
  const next = {
    ...HEADER,
    flags: 1,
    address: toLsn(HEADER.address + BigInt(PAGE)),
    continuationBytes: rest.byteLength,
  };
  const begin = () => {
    const walker = new RecordWalker(new RecordCheck());
    expect(walker.page(first, HEADER)).toBeUndefined();
    return walker;
  };
  expect(begin().page(pageOf(rest), next)).toBeUndefined();
  const wrong = { ...next, continuationBytes: rest.byteLength + 1 };
  expect(begin().page(pageOf(rest), wrong)).toMatch(/bytes, \d+ are missing/);
  const damaged = rest.slice();
  damaged[3] = 0;
  expect(begin().page(pageOf(damaged), next)).toBe("record checksum is wrong");
  const overwritten = { ...next, flags: 8, continuationBytes: 0 };
  const other = record(new Uint8Array(3), 5n);
  expect(begin().page(pageOf(other), overwritten)).toBeUndefined();
});

test.each([
  ["checksum", () => pageOf(record(new Uint8Array(8), 1n).fill(9, 24)), "checksum is wrong"],
  ["link", () => pageOf(record(new Uint8Array(1), 1n), record(new Uint8Array(1), 2n)), "0/2"],
  ["link forward", () => pageOf(record(new Uint8Array(1), START)), "0/1000018"],
  ["short length", () => pageOf(new Uint8Array([23, 0, 0, 0])), "record length 23"],
  ["huge length", () => pageOf(new Uint8Array([0, 0, 0, 255])), "record length 4278190080"],
])("names a wrong %s", (_, page, fault) => {
  expect(new RecordWalker(new RecordCheck()).page(page(), HEADER)).toContain(fault);
});
