// Changed blocks of a range of WAL, from recorded maps and from the WAL itself: the same whichever
// of the two is there, over timelines, and never anything when a part of the range is not known.
import { beforeEach, expect, test } from "vitest";
import { walReader } from "../../../../src/database/journal-reader.ts";
import {
  findByDeltaMaps,
  type MapFinding,
} from "../../../../src/database/postgres/recorded-map-finder.ts";
import { encodeDeltaMap } from "../../../../src/delta/delta-map.ts";
import { toLsn } from "../../../../src/delta/lsn.ts";
import { relationFileOf } from "../../../../src/delta/relation-file.ts";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { bytesSource } from "../../../../src/stream/byte-stream.ts";
import type { Repository } from "../../../../src/transfer/repository.ts";
import type { SegmentName } from "../../../../src/wal/segment-name.ts";
import { archiveWal } from "../../../support/archived-wal.ts";
import { heapChange, MADE_SYSTEM_IDENTIFIER, MadeWal, u32 } from "../../../support/made-wal.ts";
import { memoryRepository, recordingLogger } from "../../../support/memory-repository.ts";

const { signal } = new AbortController();
const SMGR = 2;
let repository: Repository;
let sleptMs = 0;
beforeEach(async () => {
  repository = await memoryRepository("none");
  sleptMs = 0;
});

const clock = {
  now: () => new Date(0),
  monotonicMs: () => sleptMs,
  sleep: async (delayMs: number) => {
    sleptMs += delayMs;
  },
};

async function find(
  range: { readonly from: bigint; readonly to: bigint },
  options: {
    readonly timelines?: readonly [number, number];
    readonly parentTimeline?: number;
    readonly switchLsn?: bigint;
    readonly systemIdentifier?: bigint;
  } = {},
): Promise<MapFinding> {
  const [first, last] = options.timelines ?? [1, 1];
  const { switchLsn } = options;
  return await findByDeltaMaps({
    journal: walReader(repository),
    server: {
      majorVersion: 17,
      systemIdentifier: options.systemIdentifier ?? MADE_SYSTEM_IDENTIFIER,
      walSegmentBytes: MadeWal.segmentBytes,
      blockBytes: 8192,
    },
    parent: { timeline: options.parentTimeline ?? first, startLsn: toLsn(range.from) },
    start: { timeline: last, startLsn: toLsn(range.to) },
    history:
      switchLsn === undefined
        ? undefined
        : {
            timeline: last,
            ancestors: [{ timeline: first, switchLsn: toLsn(switchLsn), reason: "" }],
          },
    waitMs: 1000,
    clock,
    log: recordingLogger().log,
    signal,
  });
}

/** Blocks of a relation's file in database 5. */
function blocks(finding: MapFinding, relation: number, blockCount = 1000): unknown {
  if (finding.kind !== "record") return finding.reason;
  const file = relationFileOf(`base/5/${relation}`);
  if (file === undefined) throw new Error("no file of a relation");
  const changed = finding.record.changedBlocks(file, blockCount);
  return changed === "all" ? changed : [...changed];
}

/** Segments 16 to 55, each with a record over its end, from block 0 of relation 2 on. */
function longWal(): { readonly made: MadeWal; readonly marks: readonly bigint[] } {
  const made = new MadeWal();
  const marks: bigint[] = [];
  for (let index = 0; index < 40; index += 1) {
    marks.push(made.lsn);
    made.fillSegment(500, 1000 + index);
    made.record(heapChange(2, index, 1200));
  }
  marks.push(made.lsn);
  made.switchSegment();
  return { made, marks };
}

const LONG = longWal();
const SEGMENTS: readonly (readonly [SegmentName, Uint8Array])[] = [...LONG.made.segments()];
const mark = (index: number): bigint => LONG.marks[index] ?? 0n;
const upTo = (start: number, end: number): number[] =>
  Array.from({ length: end - start }, (_, index) => start + index);

test("maps, and the WAL after the last of them", async () => {
  await archiveWal(repository, SEGMENTS, { records: true });
  const finding = await find({ from: mark(0), to: mark(40) });
  expect(finding).toMatchObject({ kind: "record", maps: 2, segments: 9 });
  expect(finding.kind === "record" && finding.record.finder).toBe("delta-maps");
  expect(blocks(finding, 2)).toEqual(upTo(0, 40));
  expect(blocks(finding, 1039)).toContain(3);
  expect(blocks(finding, 77)).toEqual([]);
  // Records that ended before the start of the range may be in it, those after its end as well.
  const part = await find({ from: mark(20), to: mark(36) });
  expect(part).toMatchObject({ kind: "record", maps: 1, segments: 5 });
  expect(blocks(part, 2)).toEqual(expect.arrayContaining(upTo(20, 36)));
});

test("says the same without a map, as long as there is little WAL to read", async () => {
  await archiveWal(repository, SEGMENTS, { records: false });
  const finding = await find({ from: mark(0), to: mark(40) });
  expect(finding).toMatchObject({ kind: "record", maps: 0, segments: 41 });
  expect(blocks(finding, 2)).toEqual(upTo(0, 40));
});

test("reads the WAL of a group whose map is damaged, missing or of WAL-G", async () => {
  await archiveWal(repository, SEGMENTS, { records: true });
  const key = toObjectKey("wal_005/000000010000000000000020_delta");
  const put = async (bytes: Uint8Array) => {
    await repository.driver.put(key, bytesSource(bytes), { ifAbsent: false, signal });
  };
  const nothing = new Uint32Array(0);
  const map = encodeDeltaMap({ blocks: nothing, limits: nothing, rest: new Uint8Array(0) });
  for (const bytes of [map.subarray(16), map.subarray(0, 30), undefined]) {
    if (bytes === undefined) await repository.driver.delete([key], signal);
    else await put(bytes);
    const finding = await find({ from: mark(0), to: mark(40) });
    expect(finding).toMatchObject({ kind: "record", maps: 1, segments: 25 });
    expect(blocks(finding, 2)).toEqual(upTo(0, 40));
  }
});

test("too much WAL without a map is not read", async () => {
  const made = new MadeWal();
  const from = made.lsn;
  for (let index = 0; index < 66; index += 1) {
    made.record(heapChange(3, index));
    made.switchSegment();
  }
  await archiveWal(repository, made.segments(), { records: false });
  expect(blocks(await find({ from, to: made.lsn }), 3)).toMatch(
    /^66 of 66 WAL files are in no map/,
  );
});

test.each([
  ["the last", 40],
  ["one in the middle", 35],
])("%s of the WAL files is missing", async (_, index) => {
  await archiveWal(
    repository,
    SEGMENTS.filter((__, at) => at !== index),
    { records: true },
  );
  const finding = await find({ from: mark(0), to: mark(40) });
  const name = SEGMENTS[index]?.[0];
  expect(finding).toEqual({
    kind: "unproven",
    reason: `WAL file ${name} is not in the repository`,
  });
  // Only the last one may still come.
  expect(sleptMs > 0).toBe(index === 40);
});

test("WAL that does not go on where the map before it ended is refused", async () => {
  await archiveWal(repository, SEGMENTS, { records: true });
  const nothing = new Uint32Array(0);
  const map = encodeDeltaMap({ blocks: nothing, limits: nothing, rest: new Uint8Array(0) });
  const key = toObjectKey("wal_005/000000010000000000000020_delta");
  await repository.driver.put(key, bytesSource(map), { ifAbsent: false, signal });
  expect(blocks(await find({ from: mark(0), to: mark(40) }), 2)).toMatch(/0 are missing/);
});

test("WAL of another cluster is refused", async () => {
  await archiveWal(repository, SEGMENTS.slice(0, 3), { records: true });
  const finding = await find({ from: mark(0), to: mark(2) }, { systemIdentifier: 1n });
  expect(blocks(finding, 2)).toMatch(/system identifier is 7000000/);
});

test("relations that were made or truncated are known, with maps and without", async () => {
  const made = new MadeWal();
  const from = made.lsn;
  made.record([255, 16, ...u32(1663, 5, 50, 0)], { manager: SMGR, info: 0x10 });
  made.record([255, 20, ...u32(90, 1663, 5, 51, 7)], { manager: SMGR, info: 0x20 });
  made.record(heapChange(51, 7));
  made.record([255, 16, ...u32(6, 1663, 1, 1663)], { manager: 4, info: 0 });
  for (let index = 0; index < 16; index += 1) made.switchSegment();
  const segments = made.segments();
  for (const records of [true, false]) {
    repository = await memoryRepository("none");
    await archiveWal(repository, segments, { records });
    const finding = await find({ from, to: made.lsn });
    expect(finding).toMatchObject({ maps: records ? 1 : 0 });
    expect(blocks(finding, 50)).toBe("all");
    expect(blocks(finding, 51, 93)).toEqual([7, 90, 91, 92]);
    if (finding.kind !== "record") throw new Error(finding.reason);
    for (const [path, expected] of [
      ["base/6/1259", "all"],
      ["base/7/1259", new Uint32Array(0)],
      ["base/5/51_vm", "all"],
    ] as const) {
      const file = relationFileOf(path);
      if (file === undefined) throw new Error(path);
      expect(finding.record.changedBlocks(file, 10), path).toEqual(expected);
    }
  }
});

test("WAL with less logging proves nothing, with maps and without", async () => {
  const made = new MadeWal();
  const from = made.lsn;
  made.record([255, 28, ...u32(100, 8, 10, 0, 64, 0, 0)], { manager: 0, info: 0x60 });
  for (let index = 0; index < 16; index += 1) made.switchSegment();
  const segments = made.segments();
  for (const records of [true, false]) {
    repository = await memoryRepository("none");
    await archiveWal(repository, segments, { records });
    expect(blocks(await find({ from, to: made.lsn }), 1)).toMatch(/wal_level = minimal/);
  }
});

test("over a switch of timelines: the old one's WAL, then the new one's", async () => {
  const old = new MadeWal();
  const fresh = new MadeWal();
  const from = old.lsn;
  for (const made of [old, fresh]) {
    for (let index = 0; index < 20; index += 1) {
      made.fillSegment(500, 1000 + index);
      made.record(heapChange(2, index, 1200));
    }
  }
  const switchLsn = fresh.lsn;
  // The old server went on for a while.
  old.record(heapChange(3, 1));
  old.switchSegment();
  fresh.beginTimeline(2);
  fresh.record(heapChange(4, 1));
  fresh.fillSegment(500, 5);
  fresh.record(heapChange(2, 20, 1200));
  fresh.record(heapChange(2, 21));
  fresh.switchSegment();
  await archiveWal(repository, old.segments(), { records: true });
  const ofSecond = [...fresh.segments()].filter(([name]) => name.startsWith("00000002"));
  expect(ofSecond.length).toBe(2);
  await archiveWal(repository, ofSecond, { records: true });
  const to = fresh.lsn;
  const finding = await find({ from, to }, { timelines: [1, 2], switchLsn });
  expect(finding).toMatchObject({ kind: "record", maps: 1, segments: 6 });
  expect(blocks(finding, 2)).toEqual(upTo(0, 22));
  expect(blocks(finding, 4)).toEqual([1]);
  expect(blocks(finding, 3)).toEqual([]);
  const stranger = await find({ from, to }, { timelines: [1, 2], switchLsn, parentTimeline: 3 });
  expect(blocks(stranger, 2)).toBe("timeline 3 of the parent does not lead to 2");
});

test("a range without WAL is a record of nothing", async () => {
  const finding = await find({ from: 0x1000028n, to: 0x1000028n });
  expect(finding).toMatchObject({ kind: "record", maps: 0, segments: 0 });
  expect(blocks(finding, 2)).toEqual([]);
});
