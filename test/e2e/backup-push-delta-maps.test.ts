// The binary records maps of changed blocks while a real server archives with it, takes deltas by
// them that give back every page, and without a part of the WAL says so and scans the pages.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { differingPages } from "../support/relation-files.ts";

const MAPS = { WALG_USE_WAL_DELTA: "true" };
const DELTAS = {
  ...MAPS,
  WALG_DISABLE_PARTIAL_RESTORE: "true",
  WALG_DELTA_MAX_STEPS: "6",
  WALG_UPLOAD_CONCURRENCY: "4",
};
const SETTINGS = { autovacuum: false, checkpoint_timeout: "1h" };

test("deltas by maps that were recorded while WAL was archived", async () => {
  await using site = await BackupSite.create({
    version: "18",
    rows: 20_000,
    settings: SETTINGS,
    env: { ...MAPS, WALG_UPLOAD_CONCURRENCY: "4" },
  });
  const { cluster } = site;
  const finderOf = (backup: string): unknown =>
    Object(JSON.parse(site.sentinel(backup)))["TidemarkFinder"];
  /** More than one map's worth of WAL: some 20 segments. */
  const change = async () => {
    await cluster.query("UPDATE bench_accounts SET abalance = abalance + 1 WHERE aid % 2 = 0");
    await cluster.query("DELETE FROM bench_accounts WHERE aid > 19000");
    await cluster.query("VACUUM bench_accounts");
    await cluster.query("CREATE TABLE IF NOT EXISTS made AS SELECT 1 i");
    await cluster.query("INSERT INTO bench_accounts SELECT i FROM generate_series(19001, 20000) i");
    for (let index = 0; index < 18; index += 1) await cluster.switchWal();
    await cluster.query("CHECKPOINT");
  };
  await site.mustPush([], { settings: DELTAS });
  await change();
  const first = await site.mustPush([], { settings: { ...DELTAS, WALG_FORCE_WAL_DELTA: "true" } });
  expect(first.log).toMatch(/changed blocks are known from [1-9]\d* delta maps and \d+ WAL files/);
  expect(finderOf(first.name)).toBe("delta-maps");
  expect(differingPages(cluster.dataDir, await site.fetch(first.name))).toEqual([]);
  const maps = site.keys("wal_005").filter((key) => key.includes("_delta"));
  expect(maps.length).toBeGreaterThan(0);

  // Neither a map nor the WAL that it was made of.
  await change();
  await site.archiveAll();
  const lost =
    site
      .keys("wal_005")
      .filter((key) => key.includes("_delta"))
      .at(-1) ?? "";
  const group = /wal_005\/([0-9A-F]{23})0_delta/.exec(lost)?.[1] ?? "";
  expect(maps).not.toContain(lost);
  for (const key of site.keys("wal_005")) {
    if (key === lost || key.startsWith(`wal_005/${group}8`)) rmSync(join(site.repoDir, key));
  }
  const before = site.keys("basebackups_005");
  const forced = await site.push([], { settings: { ...DELTAS, WALG_FORCE_WAL_DELTA: "true" } });
  expect(forced.exitCode).not.toBe(0);
  expect(forced.stderr).toContain("WALG_FORCE_WAL_DELTA forbids to look through the pages");
  expect(site.keys("basebackups_005")).toEqual(before);
  const second = await site.mustPush([], { settings: DELTAS });
  expect(second.log).toContain(
    `recorded delta maps are not used: WAL file ${group}8 is not in the repository`,
  );
  expect(finderOf(second.name)).toBe("page-scan");
  expect(differingPages(cluster.dataDir, await site.fetch(second.name))).toEqual([]);
});

test("the WAL file in which a backup starts is ended for the maps", async () => {
  await using site = await BackupSite.create({
    version: "15",
    rows: 2000,
    walSegmentMiB: 16,
    settings: SETTINGS,
    env: MAPS,
  });
  const { cluster } = site;
  await site.mustPush([], { settings: DELTAS });
  await cluster.changeBench(50);
  // A little WAL before the start, in the same file: only the backup can end that soon.
  const little = `DO $$ BEGIN
    WHILE clock_timestamp() < now() + interval '3 seconds' LOOP
      PERFORM pg_logical_emit_message(false, 'test', 'little');
      PERFORM pg_sleep(0.0002);
    END LOOP;
  END $$`;
  const writing = Promise.all([1, 2, 3, 4].map(() => cluster.query(little)));
  const delta = await site.mustPush([], { settings: DELTAS });
  await writing;
  expect(delta.log).toMatch(/changed blocks are known from 0 delta maps and [1-9]\d* WAL files/);
});
