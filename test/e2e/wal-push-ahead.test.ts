// The process that wal-push leaves behind to store further segments: the server's next call waits
// for it or finds its mark, its end or failure costs nothing, and it holds on to nothing. Run with
// the compiled binary; a rate limit makes it slow enough to be met.
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { isAlive, killIfThere } from "../support/process-tree.ts";
import { giveTreeToServers } from "../support/scratch.ts";
import { aheadProcesses, aheadSettled } from "../support/wal-ahead.ts";
import { otherHistory, WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(17, "middle");
const next = goldenSegment(17, "switched");
/** Segments of one MiB then take half a second each. */
const SLOW = {
  settings: { WALG_COMPRESSION_METHOD: "none", TIDEMARK_WAL_NETWORK_RATE_LIMIT: "2000000" },
};

function waitingBoth(label: string): WalArchive {
  const archive = new WalArchive(label);
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  archive.ready(next.name, next.bytes);
  return archive;
}

const marksOf = (archive: WalArchive) => {
  const path = join(archive.walDir, "walg_data", "walg_archive_status");
  return existsSync(path) ? readdirSync(path) : [];
};

test("the next call succeeds when its segment is stored, not before, and once", async () => {
  using archive = waitingBoth("ahead-wait");
  expect((await archive.pushOnly(golden.name, SLOW)).exitCode).toBe(0);
  expect(archive.stored()).not.toContain(next.name);
  archive.done(golden.name);
  const result = await archive.pushOnly(next.name, SLOW);
  expect(result).toMatchObject({ exitCode: 0 });
  expect(result.stderr).toContain("marked");
  expect(archive.object(next.name).equals(next.bytes)).toBe(true);
  const { ino } = statSync(join(archive.repoDir, "wal_005", next.name));
  await aheadSettled(archive.walDir);
  expect(statSync(join(archive.repoDir, "wal_005", next.name)).ino).toBe(ino);
  expect(marksOf(archive)).toEqual([]);
  expect(readdirSync(join(archive.walDir, "walg_data"))).not.toContain("wal-push.plan");
});

test("it has a session of its own, and holds nothing but its lock and its log", async () => {
  using archive = waitingBoth("ahead-process");
  await archive.pushOnly(golden.name, SLOW);
  const processes = aheadProcesses(archive.walDir);
  expect(processes).toHaveLength(2);
  const [shell = 0, tool = 0] = processes.sort((a, b) => Number(parentOf(b) === a) * -2 + 1);
  const statOf = (processId: number) =>
    readFileSync(`/proc/${processId}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
  // Parent, group, session: the shell leads, and its parent is nobody of the server's.
  expect(statOf(tool).slice(1, 4).map(Number)).toEqual([shell, shell, shell]);
  expect([process.pid, tool]).not.toContain(Number(statOf(shell)[1]));
  const openFiles = readdirSync(`/proc/${tool}/fd`).flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/${tool}/fd/${descriptor}`)];
    } catch {
      return [];
    }
  });
  const own = ["/dev/null", archive.dataDir, archive.repoDir, "anon_inode:", "/proc/", "/dev/shm"];
  const strange = openFiles.filter((path) => !own.some((start) => path.startsWith(start)));
  // The runtime maps the executable, and talks to itself through a pipe.
  expect(strange.filter((path) => !path.includes("/tidemark"))).toEqual([]);
  await aheadSettled(archive.walDir);
  while (isAlive(tool) || isAlive(shell)) await Bun.sleep(5);
  // The shell has waited for it; who waits for the shell is the first process of the machine.
  expect(existsSync(`/proc/${tool}`)).toBe(false);
});

function parentOf(processId: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${processId}/status`, "utf8"))?.[1]);
}

test("killed at work it loses nothing: the next call stores the segment itself", async () => {
  using archive = waitingBoth("ahead-kill");
  await archive.pushOnly(golden.name, SLOW);
  const [...processes] = aheadProcesses(archive.walDir);
  expect(processes).toHaveLength(2);
  const waiting = archive.pushOnly(next.name, SLOW);
  await Bun.sleep(100);
  for (const processId of processes) killIfThere(processId);
  const result = await waiting;
  expect(result).toMatchObject({ exitCode: 0 });
  expect(result.stderr).toContain(`${next.name}': stored`);
  expect(archive.object(next.name).equals(next.bytes)).toBe(true);
});

test("its failure is the server's to hear of: by the next call, with what it said", async () => {
  using archive = waitingBoth("ahead-fail");
  const { name } = next;
  archive.tamper(name, otherHistory(next).bytes);
  expect((await archive.push(golden.name, SLOW)).exitCode).toBe(0);
  expect(marksOf(archive)).toEqual([]);
  archive.done(golden.name);
  const result = await archive.push(name, SLOW);
  expect(result.exitCode).toBe(23);
  expect(result.stderr).toContain("storing ahead: ERROR:");
  expect(result.stderr.match(/contents differ/g)).toHaveLength(2);
  // Told once.
  expect((await archive.push(name, SLOW)).stderr).not.toContain("storing ahead");
  expect(archive.object(name).equals(next.bytes)).toBe(false);
});

test("what a killed process left does not keep anybody waiting", async () => {
  using archive = waitingBoth("ahead-stale");
  const directory = join(archive.walDir, "walg_data");
  await archive.push(golden.name, { settings: { WALG_UPLOAD_CONCURRENCY: "1" } });
  expect(existsSync(directory)).toBe(false);
  await archive.push(golden.name);
  archive.done(golden.name);
  const mark = readFileSync(join(directory, "walg_archive_status", next.name), "utf8");
  const fingerprint = mark.split(" ")[0];
  await archive.push(next.name);
  writeFileSync(join(directory, "wal-push.plan"), `${fingerprint}\n${next.name}\n`);
  giveTreeToServers(archive.dataDir);
  const startMs = performance.now();
  const result = await archive.push(next.name);
  expect(result).toMatchObject({ exitCode: 0 });
  expect(result.stderr).toContain("already archived with equal content");
  expect(performance.now() - startMs).toBeLessThan(10_000);
});

test("with PG_READY_RENAME the server is told by .done, and is never surprised by it", async () => {
  using archive = waitingBoth("ahead-rename");
  const status = () => readdirSync(join(archive.walDir, "archive_status")).sort();
  const run = { settings: { ...SLOW.settings, PG_READY_RENAME: "true" } };
  await archive.push(golden.name, run);
  expect(status()).toEqual([`${golden.name}.ready`, `${next.name}.done`]);
  expect(marksOf(archive)).toEqual([]);
  using asked = waitingBoth("ahead-asked");
  await asked.pushOnly(golden.name, run);
  expect(await asked.pushOnly(next.name, run)).toMatchObject({ exitCode: 0 });
  expect(readdirSync(join(asked.walDir, "archive_status"))).toContain(`${next.name}.ready`);
  expect(asked.object(next.name).equals(next.bytes)).toBe(true);
});

test("metadata and maps of changed blocks are kept of what is stored ahead", async () => {
  using archive = waitingBoth("ahead-records");
  const settings = { WALG_UPLOAD_WAL_METADATA: "INDIVIDUAL", WALG_USE_WAL_DELTA: "true" };
  expect((await archive.push(golden.name, { settings })).exitCode).toBe(0);
  expect(archive.stored()).toContain(`${next.name}.json`);
  const pieces = readdirSync(join(archive.walDir, "walg_data", "wal_delta"));
  expect(pieces.filter((name) => name !== "lock").sort()).toEqual([golden.name, next.name].sort());
});

test("run by hand it touches nothing", async () => {
  using archive = waitingBoth("ahead-hand");
  const result = await archive.run(["wal-push-ahead", join(archive.walDir, golden.name)]);
  expect(result.exitCode).toBe(2);
  expect(result.stderr).toContain("was not handed over");
  expect(archive.stored()).toEqual([]);
});
