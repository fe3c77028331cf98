// The copy starts only when a segment that the server just ended has arrived: with an archive that
// does not work, or is another cluster's, the compiled binary fails before it stores a byte.
import { expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { startCluster } from "../support/postgres-cluster.ts";

const QUICK = { TIDEMARK_ARCHIVE_TIMEOUT: "1s" };

test.each([
  ["a failing archive_command", { archive_command: "false" }],
  ["no archiving at all", { archive_mode: "off" }],
  ["an archive_command that lies", { archive_command: "true" }],
])("G22 %s is found before the copy", async (_what, settings) => {
  await using site = await BackupSite.create({ version: "17", settings });
  for (const directory of [site.cluster.dataDir, null]) {
    const startMs = performance.now();
    const result = await site.push([], { settings: QUICK, directory });
    expect(result.exitCode).toBe(42);
    expect(result.stderr).toMatch(/WAL file [0-9A-F]{24} did not reach the repository within 1 s/);
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(result.stderr).not.toMatch(/[1-9]\d*% /);
    expect(site.keys()).toEqual([]);
    await site.waitUntilIdle();
  }
});

test("G22 a segment of the same name from another cluster proves nothing", async () => {
  await using site = await BackupSite.create({ version: "17" });
  await site.cluster.switchWal();
  for (let segment = 0; segment < 8; segment += 1) await site.archiveAll();
  // Another cluster, younger, whose archive_command goes to the same place by mistake.
  await using other = await startCluster({
    version: "17",
    walSegmentMiB: 1,
    archive: { command: "true" },
  });
  for (const directory of [other.dataDir, null]) {
    const result = await site.push([], { cluster: other, settings: QUICK, directory });
    expect(result.exitCode).toBe(41);
    expect(result.stderr).toContain("system identifier is");
    expect(site.keys()).toEqual([]);
  }
});

test("G22 a user who may not end a WAL file gets the proof from the one before", async () => {
  await using site = await BackupSite.create({ version: "17" });
  await site.cluster.query(`
    CREATE ROLE keeper LOGIN;
    GRANT EXECUTE ON FUNCTION pg_backup_start, pg_backup_stop TO keeper;
    GRANT pg_read_all_settings TO keeper`);
  const { log } = await site.mustPush([], {
    settings: { PGUSER: "keeper", WALG_LOG_LEVEL: "DEVEL" },
  });
  expect(log).toContain("the last complete one proves the archive");
  await site.cluster.query("ALTER SYSTEM SET archive_command = 'false'");
  await site.cluster.query("SELECT pg_reload_conf()");
  const result = await site.push([], { settings: { PGUSER: "keeper", ...QUICK } });
  expect(result.exitCode).toBe(42);
  expect(site.listed()).toHaveLength(1);
});
