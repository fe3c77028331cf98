// Maps recorded of the segments that WAL-G recorded are WAL-G's bytes without the repetitions and
// with the mark; and they do not depend on order, on how many processes archive, or on a crash.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DeltaMapRecorder } from "../../../../src/database/postgres/delta-map-recorder.ts";
import { openWalFile } from "../../../../src/database/postgres/wal-journal.ts";
import { DeltaMapReader } from "../../../../src/delta/delta-map.ts";
import type { SegmentName } from "../../../../src/wal/segment-name.ts";
import { ChangeLog } from "../../../support/change-log.ts";
import { GOLDEN_MAP_NAME, goldenDeltaMap, goldenGroup } from "../../../support/golden-delta-map.ts";
import { heapChange, MadeWal } from "../../../support/made-wal.ts";
import { recordingLogger } from "../../../support/memory-repository.ts";

const { signal } = new AbortController();
let directory = "";
let stored = new Map<string, Uint8Array>();
let logged: string[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "delta-maps-"));
  stored = new Map();
  logged = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

const pieces = () => join(directory, "pieces");

function recorder(store?: () => Promise<void>): DeltaMapRecorder {
  const { log, lines } = recordingLogger();
  logged = lines;
  return new DeltaMapRecorder({
    directory: pieces(),
    log,
    store: async (name, map) => {
      await store?.();
      stored.set(name, map);
    },
  });
}

/** One run of wal-push for each segment, unless `own` is one run for all. */
async function archive(
  segments: Iterable<readonly [SegmentName, Uint8Array]>,
  own?: DeltaMapRecorder,
): Promise<void> {
  for (const [name, bytes] of segments) {
    const run = own ?? recorder();
    const path = join(directory, name);
    writeFileSync(path, bytes);
    {
      using file = openWalFile(path, {});
      await run.record(file, signal);
    }
    rmSync(path);
    if (own === undefined) await run.finish(signal);
  }
  await own?.finish(signal);
}

/** WAL of 40 segments, 16 to 55: two whole groups and a part, records over each segment's end. */
const many = (): ReadonlyMap<SegmentName, Uint8Array> => {
  const made = new MadeWal();
  for (let index = 0; index < 40; index += 1) {
    made.fillSegment(500, 100 + index);
    made.record(heapChange(2, index, 1200));
  }
  made.switchSegment();
  return new Map([...made.segments()].slice(0, 40));
};
const MANY = many();

function told(map: Uint8Array | undefined) {
  const changes = new ChangeLog();
  const reader = new DeltaMapReader("map", changes);
  reader.update(map ?? new Uint8Array(0));
  return { ...reader.finish(), entries: changes.entries };
}

const names = ["000000010000000000000010_delta", "000000010000000000000020_delta"];

test("is WAL-G's map of the same segments without repetitions, byte for byte", async () => {
  await archive(
    (function* () {
      for (const { name, bytes } of goldenGroup()) yield [name, bytes] as const;
    })(),
  );
  const theirs = Buffer.from(await goldenDeltaMap());
  const once = new Set<string>();
  for (let at = 0; at < theirs.byteLength - 20; at += 16) {
    once.add(theirs.toString("hex", at, at + 16));
  }
  const mark = Buffer.from(`${"\0".repeat(12)}TDM1`).toString("hex");
  const end = theirs.toString("hex", theirs.byteLength - 20);
  expect([...stored.keys()]).toEqual([GOLDEN_MAP_NAME]);
  const ours = Buffer.from(stored.get(GOLDEN_MAP_NAME) ?? []).toString("hex");
  expect(ours).toBe([...once].join("") + mark + end);
});

test("stores the map of 16 segments once the last of them has come, and keeps that", async () => {
  const segments = MANY;
  await archive([...segments].slice(0, 15));
  expect(stored.size).toBe(0);
  await archive([...segments].slice(15));
  expect([...stored.keys()]).toEqual(names);
  const second = told(stored.get(names[1] ?? ""));
  expect(second.isMarked).toBe(true);
  expect(second.rest.byteLength).toBeGreaterThan(24);
  // The record over the end of the first group is the second's; the one over its own end is not.
  expect(second.entries).toContain("1663/5/2:15");
  expect(second.entries).toContain("1663/5/2:30");
  expect(second.entries).not.toContain("1663/5/2:31");
  const kept = [...segments.keys()].filter((_, index) => index === 15 || index >= 31);
  expect(readdirSync(pieces()).sort()).toEqual([...kept, "lock"]);
});

test("whatever the order, and however many processes archive, the maps are the same", async () => {
  const segments = [...MANY];
  await archive(segments);
  const expected = new Map(stored);
  stored.clear();
  rmSync(pieces(), { recursive: true });
  await archive([...segments].reverse());
  expectSame(expected);
  stored.clear();
  rmSync(pieces(), { recursive: true });
  const both = [recorder(), recorder()] as const;
  await Promise.all([
    archive(
      segments.filter((_, index) => index % 2 === 0),
      both[0],
    ),
    archive(
      segments.filter((_, index) => index % 2 === 1),
      both[1],
    ),
  ]);
  expectSame(expected);
});

function expectSame(expected: ReadonlyMap<string, Uint8Array>): void {
  expect([...stored.keys()].sort()).toEqual([...expected.keys()]);
  for (const [name, map] of expected) {
    expect(Buffer.compare(map, stored.get(name) ?? new Uint8Array(0)), name).toBe(0);
  }
}

test("without the segment before, a group that begins inside a record has no map", async () => {
  const segments = [...MANY];
  await archive(segments.slice(16));
  expect([...stored.keys()]).toEqual([]);
  await archive(segments.slice(15, 16));
  expect([...stored.keys()]).toEqual(names.slice(1));
});

test("a missing or torn piece costs its map, and nothing else", async () => {
  const segments = [...MANY];
  await archive(segments.filter((_, index) => index !== 3));
  expect([...stored.keys()]).toEqual(names.slice(1));
  stored.clear();
  rmSync(pieces(), { recursive: true });
  await archive(segments.slice(0, 15));
  truncateSync(join(pieces(), segments[4]?.[0] ?? ""), 40);
  await archive(segments.slice(15));
  expect([...stored.keys()]).toEqual(names.slice(1));
});

test("a storage that fails is told of, and asked again by the next run", async () => {
  const segments = [...MANY];
  await archive(segments.slice(0, 15));
  const failing = recorder(() => Promise.reject(new Error("no storage")));
  await archive(segments.slice(15, 16), failing);
  expect(stored.size).toBe(0);
  expect(logged.join()).toContain(`warning: map of changed blocks ${names[0]} is not stored`);
  await archive(segments.slice(16, 17));
  expect([...stored.keys()]).toEqual(names.slice(0, 1));
});

test("damage and a directory that cannot be made are logged, never thrown", async () => {
  const [first] = MANY;
  if (first === undefined) throw new Error("no segment");
  const damaged = first[1].slice();
  damaged[50_000] = (damaged[50_000] ?? 0) ^ 1;
  const run = recorder();
  await archive([[first[0], damaged]], run);
  expect(logged.join()).toMatch(/warning: changed blocks of WAL file .* checksum is wrong/);
  writeFileSync(pieces(), "");
  await archive([first], recorder());
  expect(logged.join()).toMatch(/warning: changed blocks of WAL file .* are not recorded/);
});

test("pieces that never come together are forgotten", async () => {
  const segments = [...MANY];
  mkdirSync(pieces());
  writeFileSync(join(pieces(), "00000001000000000000FFFF"), "of another size of segments");
  await archive(segments.slice(0, 2));
  const later = new MadeWal({ firstSegment: 16 + 82 });
  later.fillSegment(3000);
  later.switchSegment();
  await archive(later.segments());
  expect(readdirSync(pieces())).toEqual([...later.segments().keys()]);
});

test("files that are no segments are not recorded", async () => {
  const path = join(directory, "00000002.history");
  writeFileSync(path, "1\t0/7000000\tpromoted\n");
  using file = openWalFile(path, {});
  const run = recorder();
  await run.record(file, signal);
  await run.finish(signal);
  expect(readdirSync(directory)).toEqual(["00000002.history"]);
});
