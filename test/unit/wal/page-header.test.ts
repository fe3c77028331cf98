// Page headers as real servers of each version wrote them; each wrong field is named.
import { expect, test } from "vitest";
import { parseLongPageHeader, parsePageHeader } from "../../../src/wal/page-header.ts";
import { parseSegmentName, segmentStart } from "../../../src/wal/segment-name.ts";
import { goldenSegment, goldenSegments } from "../../support/golden-wal.ts";

const SEGMENT_BYTES = 1 << 20;

test.each(goldenSegments())("reads version $majorVersion, $name", (golden) => {
  const { header } = parseLongPageHeader(golden.bytes);
  const segment = parseSegmentName(golden.name, SEGMENT_BYTES);
  expect(header).toMatchObject({
    majorVersion: golden.majorVersion,
    timeline: 1,
    address: segment && segmentStart(segment, SEGMENT_BYTES),
    segmentBytes: SEGMENT_BYTES,
    pageBytes: 8192,
    headerBytes: 40,
  });
  expect(header?.systemIdentifier).toBeGreaterThan(7_000_000_000_000_000_000n);
  const second = parsePageHeader(golden.bytes.subarray(8192, 16384)).header;
  expect(second).toMatchObject({ headerBytes: 24, address: (header?.address ?? 0n) + 8192n });
});

test("every prefix of a header is too short", () => {
  const { bytes } = goldenSegment(17, "middle");
  for (let length = 0; length < 24; length += 1) {
    expect(parsePageHeader(bytes.subarray(0, length)).fault).toBe("page is cut short");
  }
  for (let length = 24; length < 40; length += 1) {
    expect(parseLongPageHeader(bytes.subarray(0, length)).fault).toBe("first page is cut short");
  }
});

test.each([
  [0, 0xffff, 2, /unknown WAL page magic FFFF/],
  [0, 0xd101, 2, /unknown WAL page magic D101/],
  [2, 0x10, 2, /unknown page flags/],
  [2, 0x2, 2, /continuation flag/],
  [2, 0x1, 2, /no long header/],
  [16, 0, 4, /continuation flag/],
  [32, 12345, 4, /impossible segment size 12345/],
  [32, 1 << 19, 4, /impossible segment size/],
  [36, 8191, 4, /impossible WAL page size 8191/],
  [36, 512, 4, /impossible WAL page size 512/],
])("names a wrong field at %i (%i)", (offset, value, width, fault) => {
  const { bytes } = goldenSegment(13, "middle");
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (width === 2) view.setUint16(offset, value, true);
  else view.setUint32(offset, value, true);
  expect(parseLongPageHeader(bytes).fault).toMatch(fault);
});
