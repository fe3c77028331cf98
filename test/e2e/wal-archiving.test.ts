// Real servers archive with the compiled binary as archive_command, lose their data directory, and
// recover with it as restore_command; then everything that they committed is there.
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { adoptDirectory, startCluster } from "../support/postgres-cluster.ts";
import type { PostgresVersion } from "../support/postgres-install.ts";
import { binaryPath, giveTreeToServers, makeScratch } from "../support/scratch.ts";

const VERSIONS: readonly PostgresVersion[] = ["13", "15", "17", "18"];
const COUNT =
  "SELECT count(*) || ' ' || coalesce(md5(string_agg(a::text, ',' ORDER BY a)), '') FROM t";

test.each(VERSIONS)(
  "version %s archives, is lost, and recovers to the last row",
  async (version) => {
    using scratch = makeScratch(`wal-e2e-${version}`);
    const repository = join(scratch.path, "repo");
    const tool = binaryPath("tidemark");
    const env = { WALG_FILE_PREFIX: repository, WALG_DOWNLOAD_CONCURRENCY: "3" };
    mkdirSync(repository, { mode: 0o777 });
    giveTreeToServers(scratch.path);
    const copy = join(scratch.path, "copy");
    let expected = "";
    {
      await using primary = await startCluster({
        version,
        walSegmentMiB: 1,
        archive: { command: `${tool} wal-push %p` },
        env,
      });
      await primary.query("CREATE TABLE t (a int, b text)");
      await primary.query("CHECKPOINT");
      await primary.stop();
      // An offline copy is the plainest base backup.
      cpSync(primary.dataDir, copy, { recursive: true, verbatimSymlinks: true });
      await primary.start();
      for (let batch = 0; batch < 4; batch += 1) {
        await primary.query(
          `INSERT INTO t SELECT ${batch} * 2000 + i, repeat('tidemark', 100)
           FROM generate_series(1, 2000) i`,
        );
      }
      expected = await primary.value(COUNT);
      await primary.waitUntilArchived(await primary.switchWal());
      const failed = await primary.value("SELECT failed_count FROM pg_stat_archiver");
      expect(failed).toBe("0");
      const stored = readdirSync(join(repository, "wal_005"));
      expect(stored.length).toBeGreaterThan(6);
      const marks = join(primary.dataDir, "pg_wal", "walg_data", "walg_archive_status");
      if (existsSync(marks)) expect(readdirSync(marks)).toEqual([]);
    }
    for (const name of readdirSync(join(copy, "pg_wal"))) {
      if (/^[0-9A-F]{24}$/.test(name)) rmSync(join(copy, "pg_wal", name));
    }
    writeFileSync(join(copy, "recovery.signal"), "");
    await using restored = await adoptDirectory({
      dataDir: copy,
      version,
      settings: { restore_command: `${tool} wal-fetch %f %p`, archive_mode: "off" },
      env,
    });
    await restored.start();
    await restored.waitUntilPromoted();
    expect(await restored.value(COUNT)).toBe(expected);
    expect(await restored.value("SELECT timeline_id FROM pg_control_checkpoint()")).toMatch(
      /^[12]$/,
    );
    expect(restored.logText()).toContain("restored log file");
  },
);

test("a new timeline is archived beside the old one and followed to its end", async () => {
  using scratch = makeScratch("wal-e2e-timeline");
  const repository = join(scratch.path, "repo");
  const tool = binaryPath("wal-g");
  const env = { WALG_FILE_PREFIX: repository, WALG_COMPRESSION_METHOD: "none" };
  mkdirSync(repository);
  giveTreeToServers(scratch.path);
  const archiving = { archive_mode: "on", archive_command: `${tool} wal-push %p` };
  const recovering = { ...archiving, restore_command: `${tool} wal-fetch %f %p` };
  const copies = [join(scratch.path, "copy-1"), join(scratch.path, "copy-2")] as const;
  {
    await using primary = await startCluster({
      version: "16",
      walSegmentMiB: 1,
      settings: archiving,
      env,
    });
    await primary.query("CREATE TABLE t (a int)");
    await primary.query("CHECKPOINT");
    await primary.stop();
    for (const copy of copies) {
      cpSync(primary.dataDir, copy, { recursive: true, verbatimSymlinks: true });
    }
    await primary.start();
    await primary.query("INSERT INTO t SELECT generate_series(1, 1000)");
    await primary.waitUntilArchived(await primary.switchWal());
  }
  let expected = "";
  {
    writeFileSync(join(copies[0], "recovery.signal"), "");
    await using second = await adoptDirectory({
      dataDir: copies[0],
      version: "16",
      settings: recovering,
      env,
    });
    await second.start();
    await second.waitUntilPromoted();
    await second.query("INSERT INTO t SELECT generate_series(1001, 3000)");
    expected = await second.value(COUNT);
    await second.waitUntilArchived(await second.switchWal());
  }
  const stored = readdirSync(join(repository, "wal_005"));
  expect(stored).toContain("00000002.history");
  expect(stored.some((name) => /^00000002[0-9A-F]{16}$/.test(name))).toBe(true);
  writeFileSync(join(copies[1], "recovery.signal"), "");
  await using third = await adoptDirectory({
    dataDir: copies[1],
    version: "16",
    settings: { ...recovering, recovery_target_timeline: "latest", archive_mode: "off" },
    env,
  });
  await third.start();
  await third.waitUntilPromoted();
  expect(await third.value(COUNT)).toBe(expected);
});
