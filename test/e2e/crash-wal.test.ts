// kill -9 at seeded moments of wal-push, of what it leaves to store further segments, of wal-fetch
// and of the read-ahead, all as the compiled binary: nothing half-done is ever visible, and the
// next run succeeds. CRASH_MOMENTS sets how often.
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { isAlive, killIfThere } from "../support/process-tree.ts";
import { seededRandom } from "../support/random.ts";
import { startBinary } from "../support/run-binary.ts";
import { aheadProcesses } from "../support/wal-ahead.ts";
import { WalArchive } from "../support/wal-archive.ts";

const MOMENTS = Number(process.env["CRASH_MOMENTS"] ?? 10);
const SEED = Number(process.env["CRASH_SEED"] ?? 20_261_124);
const SETTINGS = { WALG_COMPRESSION_METHOD: "none" };
/** Hidden from every listing until they are complete. */
const TEMPORARY = /\.tmp\.\d{8}T\d{6}Z-[0-9a-f]{16}$/;

const golden = goldenSegment(17, "middle");
const next = goldenSegment(17, "switched");

/** Moments between 0 and `spanMs`, always the same for a seed. */
function moments(spanMs: number): number[] {
  const random = seededRandom(SEED);
  return Array.from({ length: MOMENTS }, () => (random.below(10_000) / 10_000) * spanMs);
}

/** How long an undisturbed run takes here and now, so that the moments lie within it. */
async function spanOf(run: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await run();
  return (performance.now() - startMs) * 1.2;
}

async function killAfter(archive: WalArchive, args: readonly string[], delayMs: number) {
  const options = archive.options({
    settings: { ...SETTINGS, WALG_DOWNLOAD_CONCURRENCY: "4", WALG_LOG_LEVEL: "ERROR" },
  });
  const run = startBinary(args, options);
  await Bun.sleep(delayMs);
  run.kill("SIGKILL");
  await run.exited;
  await killReadAheads(archive);
}

async function killReadAheads(archive: WalArchive): Promise<void> {
  const found = descendantsIn(archive.dataDir);
  for (const processId of found) killIfThere(processId);
  while (found.some(isAlive)) await Bun.sleep(1);
}

/** Read-aheads that a killed wal-fetch left running in this directory. */
function descendantsIn(directory: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
        return (
          command.includes("wal-prefetch") && command.some((word) => word.startsWith(directory))
        );
      } catch {
        return false;
      }
    })
    .map(Number);
}

test(`wal-push survives ${MOMENTS} kills (seed ${SEED})`, async () => {
  using archive = new WalArchive("crash-push");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  archive.ready(next.name, next.bytes);
  const both = [golden, next];
  const spanMs = await spanOf(() => archive.push(golden.name, { settings: SETTINGS }));
  for (const delayMs of moments(spanMs)) {
    rmSync(join(archive.repoDir, "wal_005"), { recursive: true, force: true });
    rmSync(join(archive.walDir, "walg_data"), { recursive: true, force: true });
    await killAfter(archive, ["wal-push", `pg_wal/${golden.name}`], delayMs);
    for (const name of archive.stored()) {
      if (TEMPORARY.test(name)) continue;
      const segment = both.find((each) => each.name === name);
      expect(archive.object(name).equals(segment?.bytes ?? new Uint8Array(0)), name).toBe(true);
    }
    for (const segment of both) {
      const again = await archive.push(segment.name, { settings: SETTINGS });
      expect(again).toMatchObject({ exitCode: 0 });
      expect(archive.object(segment.name).equals(segment.bytes)).toBe(true);
    }
  }
});

test(`a killed push ahead (${MOMENTS} times, seed ${SEED}) marks only what is stored`, async () => {
  using archive = new WalArchive("crash-push-ahead");
  archive.identify(golden);
  for (const segment of [golden, next]) archive.ready(segment.name, segment.bytes);
  const marks = join(archive.walDir, "walg_data", "walg_archive_status");
  const spanMs = await spanOf(() => archive.push(golden.name, { settings: SETTINGS }));
  for (const delayMs of moments(spanMs)) {
    rmSync(join(archive.repoDir, "wal_005"), { recursive: true, force: true });
    rmSync(join(archive.walDir, "walg_data"), { recursive: true, force: true });
    await archive.pushOnly(golden.name, { settings: SETTINGS });
    await Bun.sleep(delayMs / 2);
    const processes = aheadProcesses(archive.walDir);
    for (const processId of processes) killIfThere(processId);
    while (processes.some(isAlive)) await Bun.sleep(1);
    for (const name of existsSync(marks) ? readdirSync(marks) : []) {
      if (name === next.name) expect(archive.object(name).equals(next.bytes)).toBe(true);
    }
    const again = await archive.push(next.name, { settings: SETTINGS });
    expect(again).toMatchObject({ exitCode: 0 });
    expect(archive.object(next.name).equals(next.bytes)).toBe(true);
  }
});

test(`wal-fetch and its read-ahead survive ${MOMENTS} kills (seed ${SEED})`, async () => {
  using archive = new WalArchive("crash-fetch");
  archive.identify(golden);
  for (const segment of [golden, next]) archive.tamper(segment.name, segment.bytes);
  const spanMs = await spanOf(() => archive.fetch(golden.name));
  archive.takeFetched();
  const destination = join(archive.walDir, "RECOVERYXLOG");
  for (const delayMs of moments(spanMs)) {
    for (const segment of [golden, next]) {
      await killAfter(archive, ["wal-fetch", segment.name, "pg_wal/RECOVERYXLOG"], delayMs);
      if (existsSync(destination)) {
        expect(archive.takeFetched()?.equals(segment.bytes)).toBe(true);
      }
      const settings = { WALG_DOWNLOAD_CONCURRENCY: "4" };
      const again = await archive.fetch(segment.name, { settings });
      expect(again).toMatchObject({ exitCode: 0 });
      expect(archive.takeFetched()?.equals(segment.bytes)).toBe(true);
    }
  }
});

test(`a killed read-ahead (${MOMENTS} times, seed ${SEED}) never serves half a file`, async () => {
  using archive = new WalArchive("crash-ahead");
  archive.identify(golden);
  for (const segment of [golden, next]) archive.tamper(segment.name, segment.bytes);
  const location = archive.walDir;
  const before = `${golden.name.slice(0, 16)}00000009`;
  const settings = { WALG_DOWNLOAD_CONCURRENCY: "4" };
  const spanMs = await spanOf(() => archive.run(["wal-prefetch", before, location], { settings }));
  const directory = join(location, ".wal-g", "prefetch");
  expect(readdirSync(directory)).toContain(next.name);
  for (const delayMs of moments(spanMs)) {
    await killReadAheads(archive);
    rmSync(join(location, ".wal-g"), { recursive: true, force: true });
    await killAfter(archive, ["wal-prefetch", before, location], delayMs);
    if (existsSync(directory)) {
      for (const name of readdirSync(directory).filter((each) => /^[0-9A-F]{24}$/.test(each))) {
        const segment = [golden, next].find((each) => each.name === name);
        const bytes = readFileSync(join(directory, name));
        expect(bytes.equals(segment?.bytes ?? new Uint8Array(0)), name).toBe(true);
      }
    }
    for (const segment of [golden, next]) {
      expect(await archive.fetch(segment.name, { settings })).toMatchObject({ exitCode: 0 });
      expect(archive.takeFetched()?.equals(segment.bytes)).toBe(true);
    }
  }
});
