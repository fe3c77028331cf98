// What an earlier restore read ahead is never used by a later one, even where both share the
// folder; run with the compiled binary.
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { giveTreeToServers } from "../support/scratch.ts";
import { WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(15, "middle");
const next = goldenSegment(15, "switched");

test("G20 a directory that was restored again does not get the old files", async () => {
  using archive = new WalArchive("g20");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  archive.ready(next.name, next.bytes);
  await archive.push(golden.name);
  const shared = join(archive.repoDir, "..", "ahead");
  mkdirSync(shared);
  giveTreeToServers(shared);
  const run = {
    settings: { WALG_DOWNLOAD_CONCURRENCY: "4", WALG_PREFETCH_DIR: shared },
  };
  expect((await archive.fetch(golden.name, run)).exitCode).toBe(0);
  archive.takeFetched();
  const directory = join(shared, ".wal-g", "prefetch");
  const endMs = performance.now() + 20_000;
  while (!existsSync(join(directory, next.name)) && performance.now() < endMs) await Bun.sleep(10);
  expect(readdirSync(directory)).toContain(next.name);
  // The archive is another by now, and the directory is restored again.
  const [, stored = ""] = archive.stored();
  rmSync(join(archive.repoDir, "wal_005", stored));
  rmSync(join(archive.dataDir, "global"), { recursive: true });
  mkdirSync(join(archive.dataDir, "global"));
  archive.identify(golden);
  expect((await archive.fetch(next.name, run)).exitCode).toBe(74);
  expect(archive.takeFetched()).toBeUndefined();
});
