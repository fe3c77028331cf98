// Only one run of a cluster stores what waits; a second one stores its own file and nothing else.
// The lock is held by this process, the second run is the compiled binary.
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tryLockFile } from "../../src/base/file-lock.ts";
import { goldenSegment } from "../support/golden-wal.ts";
import { giveTreeToServers } from "../support/scratch.ts";
import { aheadProcesses } from "../support/wal-ahead.ts";
import { WalArchive } from "../support/wal-archive.ts";

test("G09 while another run has the lock, only the named file is stored", async () => {
  const golden = goldenSegment(16, "middle");
  const next = goldenSegment(16, "switched");
  using archive = new WalArchive("g09");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  archive.ready(next.name, next.bytes);
  mkdirSync(join(archive.walDir, "walg_data"));
  const path = join(archive.walDir, "walg_data", "wal-push.lock");
  {
    using lock = await tryLockFile(path);
    expect(lock).toBeDefined();
    chmodSync(path, 0o666);
    giveTreeToServers(archive.dataDir);
    expect((await archive.pushOnly(golden.name)).exitCode).toBe(0);
    expect(aheadProcesses(archive.walDir)).toEqual([]);
    expect(archive.stored()).toEqual([`${golden.name}.zst`]);
  }
  archive.done(golden.name);
  const third = goldenSegment(17, "middle");
  expect(third.name).toBe(golden.name);
  expect((await archive.push(golden.name)).exitCode).toBe(0);
  // Without the lock's holder the same call takes the waiting one along.
  expect(archive.stored()).toEqual([`${golden.name}.zst`, `${next.name}.zst`]);
});
