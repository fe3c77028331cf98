// The whole way over a real SSH server with the compiled binary: WAL is archived and fetched,
// backups of a directory and of a stream come back on PostgreSQL 17, and memory keeps its bounds.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { goldenSegment } from "../support/golden-wal.ts";
import { peakBytesOf } from "../support/process-tree.ts";
import { type BinaryOptions, startBinary } from "../support/run-binary.ts";
import { type SftpServer, sftpSettings, startSftpServer } from "../support/sftp-server.ts";
import { otherHistory, WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(17, "middle");
const next = goldenSegment(17, "switched");
let server: SftpServer;
let site: BackupSite;

/** Under the names that users give them. */
function environment(change: Readonly<Record<string, string>> = {}) {
  const { SSH_PREFIX, SSH_PRIVATE_KEY_PATH, SSH_KNOWN_HOSTS } = sftpSettings(server);
  return {
    WALG_SSH_PREFIX: SSH_PREFIX,
    SSH_PRIVATE_KEY_PATH,
    TIDEMARK_SSH_KNOWN_HOSTS: SSH_KNOWN_HOSTS,
    ...change,
  };
}

beforeAll(async () => {
  server = await startSftpServer();
  site = await BackupSite.create({
    version: "17",
    rows: 30_000,
    walSegmentMiB: 16,
    repository: environment(),
  });
});
afterAll(async () => {
  await site?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

test("a directory and a stream come back, with the WAL that they need", async () => {
  const settings = {
    WALG_COMPRESSION_METHOD: "none",
    WALG_TAR_SIZE_THRESHOLD: "9000000",
    WALG_UPLOAD_DISK_CONCURRENCY: "3",
  };
  for (const directory of [site.cluster.dataDir, null]) {
    const { name } = await site.underLoad(() => site.mustPush([], { settings, directory }));
    await site.archiveAll();
    const listed = await site.run(["backup-list"]);
    expect(listed.stdout).toContain(name);
    await using restored = await site.restore(name);
    expect(await site.digest(restored)).toBe(await site.digest());
  }
  const left = readdirSync(server.root, { recursive: true, encoding: "utf8" });
  expect(left.filter((path) => path.includes(".tmp."))).toEqual([]);
});

test("the least budget is enough: receipts and parts do not wait for each other", async () => {
  const settings = { TIDEMARK_BUFFER_BUDGET: "16777216", WALG_UPLOAD_DISK_CONCURRENCY: "8" };
  const { name } = await site.mustPush([], { settings });
  await site.fetch(name);
});

function over(prefix: string, change: Readonly<Record<string, string>> = {}) {
  const WALG_STORAGE_PREFIX = prefix;
  return { settings: { WALG_FILE_PREFIX: "", ...environment(), WALG_STORAGE_PREFIX, ...change } };
}

function makeArchive(): WalArchive {
  const archive = new WalArchive("wal-sftp");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  archive.ready(next.name, next.bytes);
  return archive;
}

test("WAL that is pushed comes back, and nothing else is there", async () => {
  using archive = makeArchive();
  expect(await archive.push(golden.name, over("round"))).toMatchObject({ exitCode: 0 });
  expect(await archive.push(next.name, over("round"))).toMatchObject({ exitCode: 0 });
  const again = await archive.push(golden.name, over("round"));
  expect(again.stderr).toContain("already archived with equal content");
  for (const segment of [golden, next]) {
    expect((await archive.fetch(segment.name, over("round"))).exitCode).toBe(0);
    expect(archive.takeFetched()?.equals(segment.bytes)).toBe(true);
  }
  expect((await archive.fetch("00000002.history", over("round"))).exitCode).toBe(74);
  expect((await archive.fetch("000000010000000000000005", over("round"))).exitCode).toBe(43);
});

test("of two pushers with different content one wins and the other is told", async () => {
  using one = makeArchive();
  using other = makeArchive();
  other.ready(golden.name, otherHistory(golden).bytes);
  const run = over("race", { TOTAL_BG_UPLOADED_LIMIT: "1" });
  const results = await Promise.all([one.push(golden.name, run), other.push(golden.name, run)]);
  expect(results.map(({ exitCode }) => exitCode).sort()).toEqual([0, 23]);
  const winner = results[0]?.exitCode === 0 ? golden : otherHistory(golden);
  expect((await one.fetch(golden.name, run)).exitCode).toBe(0);
  expect(one.takeFetched()?.equals(winner.bytes)).toBe(true);
});

test.each([
  ["a server that is gone", () => ({ WALG_SSH_PREFIX: "ssh://127.0.0.1:9/x" }), 20],
  [
    "a directory that is gone",
    () => ({ WALG_SSH_PREFIX: `${sftpSettings(server).SSH_PREFIX}/no` }),
    20,
  ],
  ["a host key that is not known", () => ({ TIDEMARK_SSH_KNOWN_HOSTS: "/dev/null" }), 21],
])("%s is a failure, fatal in recovery", async (_, change, exitCode) => {
  using archive = makeArchive();
  const run = over("", { ...change(), TIDEMARK_SSH_MAX_RETRIES: "1" });
  expect((await archive.push(golden.name, run)).exitCode).toBe(exitCode);
  const ordinary = await archive.fetch(golden.name, run);
  expect(ordinary.exitCode).toBe(exitCode);
  if (exitCode === 21) expect(ordinary.stderr).toContain(server.fingerprint);
  archive.write("recovery.signal", "");
  expect((await archive.fetch(golden.name, run)).exitCode).toBe(200);
  expect(archive.takeFetched()).toBeUndefined();
});

/** Peak memory of a run of the binary: its own, as a child's usage has its parent's in it. */
async function peakMiB(args: readonly string[], options: BinaryOptions): Promise<number> {
  const running = startBinary(args, options);
  let peakBytes = 0;
  let exitCode: number | undefined;
  void running.exited.then((code) => {
    exitCode = code;
  });
  while (exitCode === undefined) {
    peakBytes = peakBytesOf(running.pid) ?? peakBytes;
    await Bun.sleep(2);
  }
  expect(exitCode, await running.stderr).toBe(0);
  return peakBytes / (1 << 20);
}

test("a segment of 16 MiB takes 120 MiB at most, and a backup 200 MiB", async () => {
  const { dataDir } = site.cluster;
  const at = (change: Readonly<Record<string, string>>): BinaryOptions => ({
    isServer: true,
    cwd: dataDir,
    env: site.environment({ settings: change }),
  });
  const names = readdirSync(join(dataDir, "pg_wal")).filter((name) => /^[0-9A-F]{24}$/.test(name));
  const [name = ""] = names.sort();
  const one = {
    WALG_STORAGE_PREFIX: "memory",
    TOTAL_BG_UPLOADED_LIMIT: "1",
    WALG_DOWNLOAD_CONCURRENCY: "1",
  };
  const target = join(site.scratch.path, "peak");
  const peaks = {
    push: await peakMiB(["wal-push", `pg_wal/${name}`], at(one)),
    fetch: await peakMiB(["wal-fetch", name, join(site.scratch.path, "segment")], at(one)),
    backup: await peakMiB(["backup-push", dataDir], at({ WALG_UPLOAD_DISK_CONCURRENCY: "4" })),
    restore: await peakMiB(["backup-fetch", target, "LATEST"], at({})),
  };
  console.log("peak MiB", peaks);
  expect(statSync(join(site.scratch.path, "segment")).size).toBe(16 << 20);
  expect(peaks.push).toBeGreaterThan(10);
  expect(Math.max(peaks.push, peaks.fetch)).toBeLessThan(120);
  expect(Math.max(peaks.backup, peaks.restore)).toBeLessThan(200);
});
