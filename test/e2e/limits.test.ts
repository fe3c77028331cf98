// Rates that are set hold for whole backups and restores with the compiled binary: a run takes at
// least the time of its bytes, --turbo lifts the limits, and WAL is limited by its own key only.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { goldenSegment } from "../support/golden-wal.ts";
import { WalArchive } from "../support/wal-archive.ts";

let site: BackupSite;
beforeAll(async () => {
  site = await BackupSite.create({ version: "17", rows: 10_000 });
});
afterAll(() => site?.[Symbol.asyncDispose]());

const BYTES_A_SECOND = 12_000_000;
const PLAIN = { WALG_COMPRESSION_METHOD: "none" };

async function secondsOf<T>(work: () => Promise<T>) {
  const startMs = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - startMs) / 1000 };
}

/** Bytes of all files below a folder. */
function sizeOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  return files
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** No run is faster than its rate: 5 % are for what is counted besides. */
function leastSeconds(sizeBytes: number): number {
  return sizeBytes / BYTES_A_SECOND / 1.05;
}

test("the network's rate bounds a backup and its restore", async () => {
  const settings = { ...PLAIN, WALG_NETWORK_RATE_LIMIT: String(BYTES_A_SECOND) };
  const pushed = await secondsOf(() => site.mustPush([], { settings }));
  const { name } = pushed.result;
  const sizeBytes = sizeOf(join(site.repoDir, "basebackups_005", name, "tar_partitions"));
  expect(sizeBytes).toBeGreaterThan(15_000_000);
  expect(pushed.seconds).toBeGreaterThan(leastSeconds(sizeBytes));
  const fetched = await secondsOf(() => site.fetch(name, { settings }));
  expect(fetched.seconds).toBeGreaterThan(leastSeconds(sizeBytes));
});

test("the disk's rate bounds a backup, also where four files are read at once", async () => {
  const settings = { ...PLAIN, WALG_DISK_RATE_LIMIT: String(BYTES_A_SECOND) };
  for (const readers of ["1", "4"]) {
    const all = { ...settings, WALG_UPLOAD_DISK_CONCURRENCY: readers };
    const pushed = await secondsOf(() => site.mustPush([], { settings: all }));
    const parts = join(site.repoDir, "basebackups_005", pushed.result.name, "tar_partitions");
    // Of small files the headers are counted here and not read.
    expect(pushed.seconds).toBeGreaterThan(leastSeconds(sizeOf(parts) * 0.9));
  }
});

test("--turbo lifts both", async () => {
  const settings = { ...PLAIN, WALG_NETWORK_RATE_LIMIT: "500000", WALG_DISK_RATE_LIMIT: "500000" };
  const { seconds } = await secondsOf(() => site.mustPush(["--turbo"], { settings }));
  // With the limits it takes most of a minute.
  expect(seconds).toBeLessThan(15);
});

test("WAL is limited by its own key only", async () => {
  using archive = new WalArchive("limits");
  const golden = goldenSegment(17, "middle");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  const rate = String(golden.bytes.byteLength / 2);
  const backups = { ...PLAIN, WALG_NETWORK_RATE_LIMIT: "1000" };
  const free = await secondsOf(() => archive.push(golden.name, { settings: backups }));
  expect(free.result.exitCode).toBe(0);
  const own = { ...PLAIN, TIDEMARK_WAL_NETWORK_RATE_LIMIT: rate, WALG_STORAGE_PREFIX: "limited" };
  const limited = await secondsOf(() => archive.push(golden.name, { settings: own }));
  expect(limited.result.exitCode).toBe(0);
  expect(limited.seconds).toBeGreaterThan(2 / 1.05);
  const fetched = await secondsOf(() => archive.fetch(golden.name, { settings: own }));
  expect(fetched.seconds).toBeGreaterThan(2 / 1.05);
  expect(archive.takeFetched()?.equals(golden.bytes)).toBe(true);
});
