// What wal-push and wal-fetch are given of a data directory: the checked file, the bytes that wait,
// and an origin that differs for each restore of one path.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  openWalAhead,
  openWalPush,
  walFetchPlace,
} from "../../../../src/database/postgres/wal-archive.ts";
import { WalQueue } from "../../../../src/database/postgres/wal-queue.ts";
import { goldenSegment } from "../../../support/golden-wal.ts";

const golden = goldenSegment(15, "middle");
const OPTIONS = { fingerprint: "own", renamesReady: false };
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "wal-archive-"));
  mkdirSync(join(directory, "pg_wal", "archive_status"), { recursive: true });
  mkdirSync(join(directory, "global"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("counts what waits", () => {
  writeFileSync(join(directory, "pg_wal", golden.name), golden.bytes);
  for (const name of [golden.name, "00000002.history"]) {
    writeFileSync(join(directory, "pg_wal", "archive_status", `${name}.ready`), "");
  }
  using wal = openWalPush({
    path: `pg_wal/${golden.name}`,
    workingDirectory: directory,
    dataDirectory: undefined,
    queue: WalQueue.beside(join(directory, "pg_wal", golden.name), OPTIONS),
  });
  expect(wal.file.path).toBe(join(directory, "pg_wal", golden.name));
  // Without pg_control the default size is all that is known.
  expect(wal.waitingBytes()).toBe(16 << 20);
});

function aheadOf(lockDescriptor: number) {
  const path = join(directory, "pg_wal", golden.name);
  const request = { path, workingDirectory: directory, dataDirectory: undefined };
  return openWalAhead({ ...request, renamesReady: false, lockDescriptor });
}

test("storing ahead is handed over by lock and plan, and ends without a plan", async () => {
  const queue = WalQueue.beside(join(directory, "pg_wal", golden.name), OPTIONS);
  writeFileSync(join(directory, "pg_wal", golden.name), golden.bytes);
  expect(await aheadOf(0)).toBeUndefined();
  const lock = await queue?.ahead.lock();
  if (queue === undefined || lock === undefined) throw new Error("no lock");
  expect(await aheadOf(lock.descriptor)).toBeUndefined();
  queue.ahead.begin([golden.name, "../postmaster.pid"]);
  expect(await aheadOf(0)).toBeUndefined();
  {
    using ahead = await aheadOf(lock.descriptor);
    // A name that is none of WAL's leads out of the folder.
    expect(ahead?.names).toEqual([golden.name]);
    using file = ahead?.open(golden.name);
    expect(file).toMatchObject({ name: golden.name, sizeBytes: golden.bytes.byteLength });
    expect(queue.ahead.intends(golden.name)).toBe(true);
  }
  expect(queue.ahead.hasPlan).toBe(false);
  using again = await queue.ahead.lock();
  expect(again).toBeDefined();
});

test("storing ahead has lost its reason when the server ended or its directory went", async () => {
  const queue = WalQueue.beside(join(directory, "pg_wal", golden.name), OPTIONS);
  const serve = async (postmaster: string | undefined) => {
    const pidFile = join(directory, "postmaster.pid");
    if (postmaster === undefined) rmSync(pidFile, { force: true });
    else writeFileSync(pidFile, postmaster);
    const lock = await queue?.ahead.lock();
    queue?.ahead.begin([golden.name]);
    const ahead = await aheadOf(lock?.descriptor ?? -1);
    if (ahead === undefined) throw new Error("not handed over");
    return ahead;
  };
  {
    // Nobody's: pushed by hand.
    using ahead = await serve(undefined);
    expect(ahead.isServed()).toBe(true);
  }
  {
    using ahead = await serve(`${process.pid}\n/data\n`);
    expect(ahead.isServed()).toBe(true);
    rmSync(join(directory, "postmaster.pid"));
    expect(ahead.isServed()).toBe(false);
  }
  {
    const server = Bun.spawn(["sleep", "60"]);
    using ahead = await serve(`${server.pid}\n`);
    expect(ahead.isServed()).toBe(true);
    server.kill();
    await server.exited;
    expect(ahead.isServed()).toBe(false);
  }
  using ahead = await serve(undefined);
  rmSync(join(directory, "pg_wal", "walg_data"), { recursive: true });
  expect(ahead.isServed()).toBe(false);
});

test("a directory that is made again has another origin", async () => {
  const origin = () =>
    walFetchPlace({
      path: "pg_wal/RECOVERYXLOG",
      workingDirectory: directory,
      readAheadDirectory: join(directory, "pg_wal"),
      fallbackSegmentBytes: undefined,
    }).origin;
  const first = origin();
  expect(origin()).toBe(first);
  rmSync(join(directory, "global"), { recursive: true });
  await Bun.sleep(5);
  mkdirSync(join(directory, "global"));
  expect(origin()).not.toBe(first);
});
