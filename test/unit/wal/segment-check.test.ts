// Whole segments of real servers pass in any chunks; damaged, misnamed, cut and foreign ones are
// refused, and segments that the server did not fill are told apart from damaged ones.
import { expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { InvalidJournalError } from "../../../src/wal/errors.ts";
import { SegmentCheck, type SegmentOwner } from "../../../src/wal/segment-check.ts";
import { formatSegmentName, isSegmentName } from "../../../src/wal/segment-name.ts";
import { type GoldenSegment, goldenSegment, goldenSegments } from "../../support/golden-wal.ts";

const PAGE = 8192;

function check(
  golden: Pick<GoldenSegment, "name" | "bytes">,
  options: { chunk?: number; owner?: SegmentOwner; checksRecords?: boolean } = {},
) {
  const { chunk = 1 << 20, owner = {}, checksRecords = true } = options;
  const segment = new SegmentCheck(golden.name, { owner, checksRecords });
  for (let at = 0; at < golden.bytes.byteLength; at += chunk) {
    segment.update(golden.bytes.subarray(at, at + chunk));
  }
  return segment.finish();
}

test.each(goldenSegments())("accepts version $majorVersion, $name in any chunks", (golden) => {
  for (const chunk of [1 << 20, 65_536, 10_000, 8192, 37]) {
    expect(check(golden, { chunk })).toEqual({ isComplete: true });
  }
  expect(check(golden, { checksRecords: false })).toEqual({ isComplete: true });
});

test("compares with the cluster's identity", () => {
  const golden = goldenSegment(16, "middle");
  const own = new DataView(golden.bytes.buffer).getBigUint64(24, true);
  const owner = { systemIdentifier: own, segmentBytes: 1 << 20, walBlockBytes: PAGE };
  expect(check(golden, { owner }).isComplete).toBe(true);
  for (const [change, text] of [
    [{ systemIdentifier: own + 1n }, /system identifier is \d+, the cluster's is/],
    [{ segmentBytes: 16 << 20 }, /segment size is 1048576, the cluster's is 16777216/],
    [{ walBlockBytes: 4096 }, /WAL page size is 8192/],
  ] as const) {
    const wrong = () => check(golden, { owner: { ...owner, ...change } });
    expect(wrong).toThrow(InvalidJournalError);
    expect(wrong).toThrow(text);
  }
});

test("the name must be that of the address and of its timeline or a later one", () => {
  const golden = goldenSegment(17, "middle");
  const number = BigInt(`0x${golden.name.slice(16)}`);
  const as = (timeline: number, segment: bigint) =>
    check({ ...golden, name: formatSegmentName({ timeline, number: segment }, 1 << 20) });
  expect(() => as(1, number + 1n)).toThrow(/holds WAL from/);
  expect(() => as(1, number - 1n)).toThrow(/holds WAL from/);
  expect(() => as(0, number)).toThrow(/timeline 1/);
  // A new timeline's first segment begins with the old one's pages.
  expect(as(2, number).isComplete).toBe(true);
  const beyond = "000000010000000000001000";
  if (!isSegmentName(beyond)) throw new Error("not a name");
  expect(() => check({ ...golden, name: beyond })).toThrow(/no such name with segments of/);
});

test("refuses every cut at a page end, some between, and any extension", () => {
  const golden = goldenSegment(18, "middle");
  for (let length = 0; length < 1 << 20; length += PAGE) {
    const cut = (bytes: number) => () => check({ ...golden, bytes: golden.bytes.slice(0, bytes) });
    expect(cut(length), `${length}`).toThrow(InvalidJournalError);
    expect(cut(length + 39), `${length}`).toThrow(InvalidJournalError);
  }
  for (const extra of [1, PAGE]) {
    const bytes = new Uint8Array((1 << 20) + extra);
    bytes.set(golden.bytes);
    expect(() => check({ ...golden, bytes })).toThrow(InvalidJournalError);
  }
});

test("without records, every flipped bit of a page header but its freest is refused", () => {
  const golden = goldenSegment(15, "middle");
  for (let at = 0; at < 20; at += 1) {
    const bytes = golden.bytes.slice();
    const position = 5 * PAGE + at;
    bytes[position] = (bytes[position] ?? 0) ^ 0x20;
    const refused = () => check({ ...golden, bytes }, { checksRecords: false });
    // The length of the continuation is known only to who follows the records.
    if (at >= 16) expect(() => check({ ...golden, bytes })).toThrow(CorruptObjectError);
    else expect(refused, `byte ${at}`).toThrow(CorruptObjectError);
  }
});

test("with records, a flipped bit anywhere in a middle page is refused", () => {
  const golden = goldenSegment(13, "middle");
  for (let at = 0; at < PAGE; at += 97) {
    // 20 to 23: padding of the header, which nothing protects and nobody reads.
    if (at >= 20 && at < 24) continue;
    const bytes = golden.bytes.slice();
    bytes[3 * PAGE + at] = (bytes[3 * PAGE + at] ?? 0) ^ 1;
    if (isRecordPadding(golden.bytes, 3 * PAGE + at)) continue;
    expect(() => check({ ...golden, bytes }), `byte ${at}`).toThrow(CorruptObjectError);
  }
});

/** Up to 7 zero bytes between two records, which no checksum covers and nobody reads. */
function isRecordPadding(bytes: Uint8Array, at: number): boolean {
  const end = (at | 7) + 1;
  const length = new DataView(bytes.buffer).getUint32(end, true);
  return bytes.subarray(at, end).every((byte) => byte === 0) && length >= 24 && length < PAGE;
}

test("a segment that the server did not fill is whole but not complete", () => {
  const golden = goldenSegment(16, "switched");
  const half = 1 << 18;
  const zeroTail = golden.bytes.slice();
  zeroTail.fill(0, half);
  expect(check({ ...golden, bytes: zeroTail })).toEqual({ isComplete: false });
  const middle = goldenSegment(16, "middle");
  const recycled = middle.bytes.slice();
  const view = new DataView(recycled.buffer);
  for (let at = half; at < 1 << 20; at += PAGE) {
    view.setBigUint64(at + 8, view.getBigUint64(at + 8, true) - (3n << 20n), true);
  }
  expect(check({ ...middle, bytes: recycled })).toEqual({ isComplete: false });
  // One page of the past among present ones is damage.
  const single = golden.bytes.slice();
  const singleView = new DataView(single.buffer);
  singleView.setBigUint64(half + 8, singleView.getBigUint64(half + 8, true) - (1n << 20n), true);
  expect(() => check({ ...golden, bytes: single })).toThrow(/follows the end/);
  const noise = zeroTail.slice();
  noise[half + 3 * PAGE + 500] = 1;
  expect(() => check({ ...golden, bytes: noise })).toThrow(/page has no header/);
});

test("keeps nothing of a chunk that is used again after the call", () => {
  for (const golden of goldenSegments()) {
    for (const chunk of [1 << 16, 10_000]) {
      const segment = new SegmentCheck(golden.name, { owner: {}, checksRecords: true });
      for (let at = 0; at < golden.bytes.byteLength; at += chunk) {
        const bytes = Buffer.from(golden.bytes.subarray(at, at + chunk));
        segment.update(bytes);
        bytes.fill(0xee);
      }
      expect(segment.finish()).toEqual({ isComplete: true });
    }
  }
});
