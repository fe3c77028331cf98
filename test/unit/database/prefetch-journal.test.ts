// The read-ahead is a cache: it serves only proven files of this restore, waits while one grows,
// stops at the end of the archive, and whatever is wrong with it is removed.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import { WalOrder } from "../../../src/database/postgres/wal-order.ts";
import { ReadAhead } from "../../../src/database/prefetch-journal.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";
import { writeObject } from "../../../src/transfer/object-writer.ts";
import type { Repository } from "../../../src/transfer/repository.ts";
import { goldenSegment } from "../../support/golden-wal.ts";
import { memoryRepository, recordingLogger } from "../../support/memory-repository.ts";

const { signal } = new AbortController();
const golden = goldenSegment(17, "middle");
const next = goldenSegment(17, "switched");
const AFTER = "00000001000000000000000C";
const order = new WalOrder({ segmentBytes: 1 << 20 }, undefined);
let directory = "";
let prefetch = "";
let destination = "";
let repository: Repository;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "prefetch-"));
  prefetch = join(directory, ".wal-g", "prefetch");
  destination = join(directory, "RECOVERYXLOG");
  repository = await memoryRepository("lz4");
});
afterEach(() => rmSync(directory, { recursive: true }));

async function store(name: string, bytes: Uint8Array) {
  const key = `wal_005/${name}.lz4`;
  await writeObject(repository, { key, source: bytesSource(bytes), ifAbsent: false, signal });
}

function open(origin = "one restore") {
  const { log, lines } = recordingLogger();
  const readAhead = new ReadAhead({ baseDirectory: directory, origin, log });
  return { readAhead, log, lines };
}

async function fill(names: readonly string[], origin?: string) {
  const { readAhead, log, lines } = open(origin);
  const request = { repositories: [repository], order, concurrencyMax: 2, log, signal };
  await readAhead.fill(names, { ...request, clock: SYSTEM_CLOCK });
  return lines;
}

async function take(name: string, origin?: string) {
  const { readAhead, lines } = open(origin);
  const isTaken = await readAhead.take(name, { destination, order, clock: SYSTEM_CLOCK, signal });
  return { isTaken, lines };
}

test("fetches ahead up to the end of the archive, and serves each file once", async () => {
  await store(golden.name, golden.bytes);
  await store(next.name, next.bytes);
  expect(await fill([golden.name, next.name, AFTER])).toEqual([]);
  expect(readdirSync(prefetch).sort()).toEqual([golden.name, next.name, "origin", "running"]);
  expect(await take(golden.name)).toEqual({ isTaken: true, lines: [] });
  expect(readFileSync(destination).equals(golden.bytes)).toBe(true);
  rmSync(destination);
  expect((await take(golden.name)).isTaken).toBe(false);
  expect((await take(AFTER)).isTaken).toBe(false);
});

test("files of an earlier restore never count and are removed", async () => {
  await store(golden.name, golden.bytes);
  await fill([golden.name], "an earlier restore");
  expect((await take(golden.name)).isTaken).toBe(false);
  expect(existsSync(destination)).toBe(false);
  await fill([], "one restore");
  expect(readdirSync(prefetch).sort()).toEqual(["origin", "running"]);
});

test("files without an origin, as WAL-G leaves them, do not count", async () => {
  mkdirSync(prefetch, { recursive: true });
  writeFileSync(join(prefetch, golden.name), golden.bytes);
  expect((await take(golden.name)).isTaken).toBe(false);
});

test("a file of another cluster, timeline, position or size is dropped", async () => {
  await fill([]);
  const path = join(prefetch, golden.name);
  const view = (change: (view: DataView) => void) => {
    const bytes = golden.bytes.slice();
    change(new DataView(bytes.buffer));
    return bytes;
  };
  for (const wrong of [
    next.bytes,
    view((bytes) => bytes.setUint32(4, 2, true)),
    view((bytes) => bytes.setUint16(0, 0xd0d0, true)),
    golden.bytes.subarray(0, 1 << 19),
    new Uint8Array(0),
  ]) {
    writeFileSync(path, wrong);
    const { isTaken, lines } = await take(golden.name);
    expect(isTaken).toBe(false);
    expect(lines.join()).toContain("read-ahead file is not used");
    expect(existsSync(path)).toBe(false);
    expect(existsSync(destination)).toBe(false);
  }
  const foreign = new WalOrder({ systemIdentifier: 1n, segmentBytes: 1 << 20 }, undefined);
  writeFileSync(path, golden.bytes);
  const { readAhead } = open();
  const request = { destination, order: foreign, clock: SYSTEM_CLOCK, signal };
  expect(await readAhead.take(golden.name, request)).toBe(false);
});

test("waits while a file grows, and no longer", async () => {
  await fill([]);
  const running = join(prefetch, "running", golden.name);
  writeFileSync(running, golden.bytes.subarray(0, 1000));
  let polls = 0;
  const clock = {
    ...SYSTEM_CLOCK,
    sleep: async () => {
      polls += 1;
      if (polls === 150) {
        rmSync(running);
        writeFileSync(join(prefetch, golden.name), golden.bytes);
      } else if (polls % 50 === 0 && polls < 150) {
        writeFileSync(running, golden.bytes.subarray(0, 1000 + polls));
      }
    },
  };
  const { readAhead } = open();
  expect(await readAhead.take(golden.name, { destination, order, clock, signal })).toBe(true);
  expect(polls).toBe(150);
  rmSync(destination);
  writeFileSync(running, "stalled");
  polls = 1000;
  expect(await readAhead.take(golden.name, { destination, order, clock, signal })).toBe(false);
  expect(polls).toBeLessThan(1200);
});

test("what a killed run left unfinished is fetched again; passed files are removed", async () => {
  await store(golden.name, golden.bytes);
  await store(next.name, next.bytes);
  await fill([golden.name]);
  writeFileSync(join(prefetch, "running", next.name), "half");
  await fill([next.name]);
  expect(readdirSync(prefetch).sort()).toEqual([next.name, "origin", "running"]);
  expect(readFileSync(join(prefetch, next.name)).equals(next.bytes)).toBe(true);
  expect(readdirSync(join(prefetch, "running"))).toEqual(["lock"]);
});

test("stops quietly at a damaged object, which the server's own call reports", async () => {
  const bytes = golden.bytes.slice(0, 1 << 19);
  await store(golden.name, bytes);
  const lines = await fill([golden.name, AFTER]);
  expect(lines.join()).toContain("has 524288 bytes");
  expect(readdirSync(prefetch).sort()).toEqual(["origin", "running"]);
});

test("starts again when half is used up", async () => {
  const { readAhead } = open();
  expect(readAhead.isRunningLow([])).toBe(false);
  expect(readAhead.isRunningLow([golden.name, next.name])).toBe(true);
  await store(golden.name, golden.bytes);
  await store(next.name, next.bytes);
  await fill([golden.name, next.name]);
  expect(readAhead.isRunningLow([golden.name, next.name])).toBe(false);
  expect(readAhead.isRunningLow([next.name, AFTER])).toBe(true);
});
