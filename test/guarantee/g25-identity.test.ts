// The directory, the server and the repository must be of one cluster from the start of a backup to
// its end: another directory, another server's archive, or a promotion on the way end it. Run with
// the compiled binary on real servers.
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { adoptDirectory, startCluster } from "../support/postgres-cluster.ts";
import { binaryPath, giveToServers, giveTreeToServers } from "../support/scratch.ts";

const SLOW = { WALG_COMPRESSION_METHOD: "lzma", WALG_TAR_SIZE_THRESHOLD: "500000" };

test("G25 a directory that is not the server's is refused, even a copy of it", async () => {
  await using site = await BackupSite.create({ version: "17" });
  await using other = await startCluster({ version: "17", isStarted: false });
  const copy = join(site.scratch.path, "copy");
  cpSync(site.cluster.dataDir, copy, { recursive: true, verbatimSymlinks: true });
  giveTreeToServers(copy);
  const empty = join(site.scratch.path, "empty");
  mkdirSync(empty);
  giveToServers(empty);
  for (const directory of [copy, other.dataDir, empty]) {
    const result = await site.push([], { directory });
    expect(result.exitCode).toBe(40);
    expect(result.stderr).toContain("is not the same as Postgres' one");
  }
  expect((await site.push([], { directory: "/nowhere" })).exitCode).toBe(45);
  // A user who may not see where the server works is told by the system's identity.
  await site.cluster.query(`
    CREATE ROLE keeper LOGIN;
    GRANT EXECUTE ON FUNCTION pg_backup_start, pg_backup_stop TO keeper`);
  const settings = { PGUSER: "keeper" };
  const foreign = await site.push([], { directory: other.dataDir, settings });
  expect(foreign.exitCode).toBe(40);
  expect(foreign.stderr).toMatch(/belongs to system \d+, the server is \d+/);
  // A copy has that identity too: the checkpoint of the backup's start is only in the original.
  const copied = await site.push([], { directory: copy, settings });
  expect(copied.exitCode).toBe(40);
  expect(copied.stderr).toContain("is not where the server works");
  expect(site.keys()).toEqual([]);
});

test("G25 a standby that is promoted meanwhile gives no backup", async () => {
  await using site = await BackupSite.create({ version: "17", rows: 10_000 });
  const base = await site.mustPush();
  for (const isStreamed of [false, true]) {
    const target = await site.fetch(base.name);
    writeFileSync(join(target, "standby.signal"), "");
    await using standby = await adoptDirectory({
      dataDir: target,
      version: "17",
      settings: {
        primary_conninfo: `host=${site.cluster.socketDir} port=${site.cluster.port} user=u`,
        restore_command: `${binaryPath()} wal-fetch %f %p`,
        archive_mode: "off",
      },
      env: site.environment(),
    });
    await standby.start();
    await site.cluster.changeBench(200);
    await site.cluster.query("CHECKPOINT");
    const written = await site.cluster.value("SELECT pg_current_wal_lsn()");
    await standby.waitUntil("it caught up", async () => {
      return (await standby.value(`SELECT pg_last_wal_replay_lsn() >= '${written}'`)) === "t";
    });
    await standby.query("CHECKPOINT");
    const before = site.keys().length;
    const push = site.startPush([], {
      cluster: standby,
      directory: isStreamed ? null : target,
      settings: { ...SLOW, WALG_ALIVE_CHECK_INTERVAL: "300ms" },
    });
    await standby.waitUntil("parts are stored", () => site.keys().length > before + 2);
    await standby.query("SELECT pg_promote()");
    await standby.waitUntilPromoted();
    expect(await push.exited).toBe(40);
    expect(await push.stderr).toMatch(/promoted|timeline/);
    expect(site.listed()).toEqual([base.name]);
    expect(site.keys()).toHaveLength(before);
  }
});
