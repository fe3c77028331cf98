// Segments read one by one and put together again name what a walk over all of them names: on
// segments of real servers, and on made ones with records over several segments, given up, cut.
import { expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { BlockReferences } from "../../../src/wal/block-references.ts";
import { RecordWalker } from "../../../src/wal/record-walker.ts";
import { SegmentBlocks, type SegmentEdges, SegmentJoin } from "../../../src/wal/segment-blocks.ts";
import { SegmentCheck } from "../../../src/wal/segment-check.ts";
import type { SegmentName } from "../../../src/wal/segment-name.ts";
import { ChangeLog } from "../../support/change-log.ts";
import { goldenSegment } from "../../support/golden-wal.ts";
import { heapChange, MadeWal } from "../../support/made-wal.ts";

interface Alone {
  readonly name: SegmentName;
  readonly edges: SegmentEdges;
  readonly changes: ChangeLog;
}

function readAlone(name: SegmentName, bytes: Uint8Array): Alone {
  const changes = new ChangeLog();
  const blocks = new SegmentBlocks(name, { owner: {}, sink: changes });
  for (let at = 0; at < bytes.byteLength; at += 100_000) {
    blocks.update(bytes.subarray(at, at + 100_000));
  }
  return { name, edges: blocks.finish(), changes };
}

/** What the segments name when each is read alone. */
function joined(segments: readonly Alone[]): ChangeLog {
  const changes = new ChangeLog();
  const join = new SegmentJoin(changes);
  for (const { name, edges, changes: own } of segments) {
    join.add(name, edges);
    changes.entries.push(...own.entries);
  }
  return changes;
}

/** What one walk over all of them names. */
function walked(segments: ReadonlyMap<SegmentName, Uint8Array>): ChangeLog {
  const changes = new ChangeLog();
  const walker = new RecordWalker(new BlockReferences(changes));
  for (const [name, bytes] of segments) {
    const check = new SegmentCheck(name, { owner: {}, checksRecords: true, walker });
    check.update(bytes);
    check.finish();
    walker.nextSegment();
  }
  return changes;
}

test.each([13, 14, 15, 16, 17, 18])("real segments of version %i", (version) => {
  const middle = goldenSegment(version, "middle");
  const next = goldenSegment(version, "switched");
  const changes = new ChangeLog();
  const join = new SegmentJoin(changes);
  const first = readAlone(middle.name, middle.bytes);
  const second = readAlone(next.name, next.bytes);
  expect(first.edges.head.byteLength).toBeGreaterThan(0);
  expect(second.edges).toMatchObject({ majorVersion: version, endsTail: true });
  expect(second.edges.head.byteLength).toBe(0);
  join.startAfter(first.edges);
  join.add(second.name, second.edges);
  // The one record that goes over the end of the segment.
  expect(changes.entries.length).toBeGreaterThan(0);
  changes.entries.push(...first.changes.entries, ...second.changes.entries);
  const both = new Map([
    [middle.name, middle.bytes],
    [next.name, next.bytes],
  ]);
  expect(changes.unique()).toEqual(walked(both).unique());
  expect(join.rest.byteLength).toBe(0);
});

/** Several segments; the record at the end of the first goes on for `longBytes`. */
function wal(longBytes: number, options: { left?: number } = {}) {
  const made = new MadeWal();
  made.record(heapChange(1, 1));
  made.fillSegment(options.left ?? 3000);
  made.record(heapChange(2, 77, longBytes));
  made.record(heapChange(3, 5));
  made.switchSegment();
  return made.segments();
}

test.each([
  ["ends in the next segment", 9000],
  ["fills whole segments", 3 << 20],
])("a record that %s", (_, longBytes) => {
  const segments = wal(longBytes);
  const alone = [...segments].map(([name, bytes]) => readAlone(name, bytes));
  expect(alone.length).toBe(longBytes > 1 << 20 ? 5 : 2);
  expect(joined(alone).unique()).toEqual(walked(segments).unique());
  expect(joined(alone).entries).toContain("1663/5/2:77");
});

test("wherever the end of the segment cuts the record", () => {
  for (let left = 24; left < 200; left += 8) {
    const segments = wal(300, { left });
    const alone = [...segments].map(([name, bytes]) => readAlone(name, bytes));
    expect(joined(alone).unique(), `${left} bytes`).toEqual(walked(segments).unique());
  }
});

test("a record that the server gave up at the end of a segment is in neither", () => {
  const made = new MadeWal();
  made.fillSegment(3000);
  made.giveUp(heapChange(2, 77, 9000), 2000);
  made.fillSegment(3000);
  made.switchSegment();
  const segments = made.segments();
  expectGivenUp(segments);
});

test("a record that the server gave up after the start of the next segment is in neither", () => {
  const made = new MadeWal();
  made.fillSegment(3000);
  made.giveUp(heapChange(2, 77, 30_000), 9000);
  made.record(heapChange(3, 5));
  made.switchSegment();
  expectGivenUp(made.segments());
});

function expectGivenUp(segments: ReadonlyMap<SegmentName, Uint8Array>): void {
  const alone = [...segments].map(([name, bytes]) => readAlone(name, bytes));
  expect(alone.length).toBe(2);
  const changes = joined(alone);
  expect(changes.unique()).toEqual(walked(segments).unique());
  expect(changes.entries.some((entry) => entry.startsWith("1663/5/2:"))).toBe(false);
  expect(changes.entries.length).toBeGreaterThan(10);
}

test("a segment that does not follow is refused", () => {
  const [first, second] = [...wal(9000)].map(([name, bytes]) => readAlone(name, bytes));
  const [, other] = [...wal(12_000)].map(([name, bytes]) => readAlone(name, bytes));
  const plain = [...wal(100, { left: 5000 })].map(([name, bytes]) => readAlone(name, bytes))[0];
  if (!first || !second || !other || !plain) throw new Error("segments are missing");
  expect(() => joined([second])).toThrow(/start is not known/);
  expect(() => joined([first, other])).toThrow(CorruptObjectError);
  expect(() => joined([first, plain])).toThrow(/does not go on with the record/);
  expect(() => joined([plain, second])).toThrow(/has no length/);
});

test("a segment that the server did not fill is refused", () => {
  const made = new MadeWal();
  made.record(heapChange(1, 1));
  const [only] = [...made.segments()];
  if (only === undefined) throw new Error("no segment");
  expect(() => readAlone(...only)).toThrow(/did not fill/);
});
