// Real servers are backed up by the compiled binary while their rows change, in every form that
// backup-push has; what backup-fetch makes of it starts, and has every row.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { adoptDirectory, type PostgresCluster } from "../support/postgres-cluster.ts";
import { type PostgresVersion, postgresTool } from "../support/postgres-install.ts";
import { mustRunAsServer } from "../support/run-as.ts";
import { binaryPath, giveToServers } from "../support/scratch.ts";

const VERSIONS: readonly PostgresVersion[] = ["13", "15", "17", "18"];

/** A tablespace with a table in it, outside of the data directory. */
async function addTablespace(site: BackupSite): Promise<string> {
  const location = join(site.scratch.path, "space");
  mkdirSync(location);
  giveToServers(location);
  await site.cluster.query(`CREATE TABLESPACE extra LOCATION '${location}'`);
  await site.cluster.query("CREATE TABLE far TABLESPACE extra AS SELECT generate_series(1, 9) i");
  return location;
}

/** The flag that puts the tablespace of a restore elsewhere: the original server still runs. */
function elsewhere(site: BackupSite, backup: string): string[] {
  const { Spec } = JSON.parse(site.sentinel(backup)) as { Spec: Record<string, unknown> };
  const [oid = ""] = Spec["tablespaces"] as string[];
  const loc = join(site.scratch.path, `space-of-${backup}`);
  const spec = { ...Spec, [oid]: { loc, link: `pg_tblspc/${oid}` } };
  const path = join(site.scratch.path, `spec-${backup}.json`);
  writeFileSync(path, JSON.stringify(spec));
  return ["--restore-spec", path];
}

/** The standby's next backup starts at a place of its own. */
async function makeRestartPoint(site: BackupSite, standby: PostgresCluster): Promise<void> {
  await site.cluster.changeBench(500);
  await site.cluster.query("CHECKPOINT");
  const written = await site.cluster.value("SELECT pg_current_wal_lsn()");
  await standby.waitUntil("it caught up", async () => {
    return (await standby.value(`SELECT pg_last_wal_replay_lsn() >= '${written}'`)) === "t";
  });
  await standby.query("CHECKPOINT");
}

async function checkPages(cluster: PostgresCluster): Promise<void> {
  const amcheck = [postgresTool("pg_amcheck"), "--all", "--install-missing", "--heapallindexed"];
  await mustRunAsServer(amcheck, { env: cluster.clientEnvironment });
  await cluster.stop();
  await mustRunAsServer([postgresTool("pg_checksums"), "--check", "-D", cluster.dataDir]);
}

describe.each(VERSIONS)("PostgreSQL %s", (version) => {
  test("a directory and a stream, under load, with a tablespace", async () => {
    await using site = await BackupSite.create({ version, rows: 30_000 });
    await addTablespace(site);
    const local = await site.underLoad(() => site.mustPush());
    const streamed = await site.underLoad(() => site.mustPush([], { directory: null }));
    expect(local.log).not.toContain("page checksum is wrong");
    await site.archiveAll();
    const rows = await site.digest();
    for (const { name } of [local, streamed]) {
      await using restored = await site.restore(name, { args: elsewhere(site, name) });
      expect(await site.digest(restored)).toBe(rows);
      expect(await restored.value("SELECT sum(i) FROM far")).toBe("45");
      if (version === "15") await checkPages(restored);
    }
    expect(site.listed()).toEqual([local.name, streamed.name].toSorted());
    await site.waitUntilIdle();
  });
});

describe("what the user may ask", () => {
  test("user data of any kind, and a backup that stays for ever", async () => {
    await using site = await BackupSite.create({ version: "17" });
    const given = '{"release":"r1","n":12345678901234567890}';
    // WAL-G writes keys in their order.
    const exact = '{"n":12345678901234567890,"release":"r1"}';
    const objects = await site.mustPush(["--add-user-data", given, "--permanent"]);
    const text = await site.mustPush([], { settings: { WALG_SENTINEL_USER_DATA: "plain text" } });
    const number = await site.mustPush(["--add-user-data", "9007199254740993"]);
    expect(site.sentinel(objects.name)).toContain(`"UserData":${exact}`);
    expect(site.sentinel(text.name)).toContain('"UserData":"plain text"');
    expect(site.sentinel(number.name)).toContain('"UserData":9007199254740993');
    const metadata = (name: string) => site.document(`basebackups_005/${name}/metadata.json`);
    expect(metadata(objects.name)).toContain(`"user_data":${exact}`);
    expect(metadata(objects.name)).toContain('"is_permanent":true');
    expect(metadata(number.name)).toContain('"is_permanent":false');
    const found = await site.run([
      ...["backup-fetch", join(site.scratch.path, "by-data")],
      ...["--target-user-data", "9007199254740993"],
    ]);
    expect(found.exitCode).toBe(0);
    expect(existsSync(join(site.scratch.path, "by-data", "PG_VERSION"))).toBe(true);
    const listed = await site.run(["backup-list", "--json", "--detail"]);
    expect(listed.stdout).toContain(`"user_data":${exact}`);
  });

  test("small parts, read and stored four at a time", async () => {
    await using site = await BackupSite.create({ version: "15", rows: 20_000 });
    const settings = { WALG_TAR_SIZE_THRESHOLD: "600000", WALG_UPLOAD_DISK_CONCURRENCY: "4" };
    const { name } = await site.underLoad(() => site.mustPush([], { settings }));
    const streamed = await site.mustPush([], { settings, directory: null });
    await site.archiveAll();
    const rows = await site.digest();
    for (const backup of [name, streamed.name]) {
      const parts = site.keys(`basebackups_005/${backup}/tar_partitions`);
      expect(parts.length).toBeGreaterThan(10);
      await using restored = await site.restore(backup);
      expect(await site.digest(restored)).toBe(rows);
    }
  });

  test("no files metadata", async () => {
    await using site = await BackupSite.create({ version: "15", rows: 1000 });
    for (const directory of [site.cluster.dataDir, null]) {
      const { name } = await site.mustPush(["--without-files-metadata"], { directory });
      expect(site.sentinel(name)).toContain('"FilesMetadataDisabled":true');
      expect(site.keys()).not.toContain(`basebackups_005/${name}/files_metadata.json`);
      await using restored = await site.restore(name);
      expect(await site.digest(restored)).toBe(await site.digest());
    }
  });

  test("composers are accepted, and the log says what they do", async () => {
    await using site = await BackupSite.create({ version: "16" });
    for (const flag of ["--rating-composer", "--copy-composer", "--database-composer"]) {
      const { log } = await site.mustPush([flag]);
      expect(log).toContain("COMPOSER: accepted");
    }
    const copied = await site.mustPush(["--copy-composer"], {
      settings: { WALG_DELTA_MAX_STEPS: "6" },
    });
    expect(copied.log).toContain("The copy composer makes full backups. Doing full backup.");
    const refused = [
      [["--rating-composer", "--without-files-metadata"], site.cluster.dataDir],
      [["--delta-from-name", "base_000000010000000000000002"], null],
      [["--delta-from-name", "base_1", "--without-files-metadata"], site.cluster.dataDir],
    ] as const;
    for (const [args, directory] of refused) {
      expect((await site.push(args, { directory })).exitCode).toBe(2);
    }
    expect(site.listed()).toHaveLength(4);
    const named = { WALG_DELTA_FROM_NAME: "base_x" };
    await site.mustPush(["--full"], { settings: named });
    const off = await site.mustPush([], { settings: named });
    expect(off.log).toContain("WARNING: ");
    expect(off.log).toContain("Deltas are off (0 steps). Doing full backup.");
    expect(site.listed()).toHaveLength(6);
  });
});

describe("every codec and cipher", () => {
  test("is used for all parts and restores", async () => {
    await using site = await BackupSite.create({ version: "14", rows: 2000 });
    const codecs = { none: "tar", lz4: "lz4", zstd: "zst", brotli: "br", lzma: "lzma" };
    for (const [method, extension] of Object.entries(codecs)) {
      const settings = { WALG_COMPRESSION_METHOD: method };
      const { name } = await site.mustPush([], { settings });
      const parts = site.keys(`basebackups_005/${name}/tar_partitions`);
      expect(parts.every((key) => key.endsWith(`.${extension}`))).toBe(true);
      await using restored = await site.restore(name, { settings });
      expect(await site.digest(restored)).toBe(await site.digest());
    }
  });

  test("libsodium: nothing of the rows or the receipts can be read without the key", async () => {
    const key = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    await using site = await BackupSite.create({
      version: "15",
      env: { WALG_LIBSODIUM_KEY: key, WALG_LIBSODIUM_KEY_TRANSFORM: "hex" },
    });
    await site.cluster.query("CREATE TABLE secrets AS SELECT 'attack at dawn'::text AS s");
    const settings = {
      WALG_LIBSODIUM_KEY: key,
      WALG_LIBSODIUM_KEY_TRANSFORM: "hex",
      WALG_COMPRESSION_METHOD: "none",
    };
    const { name } = await site.mustPush([], { settings });
    const hidden = site.keys(`basebackups_005/${name}`).filter((each) => !each.endsWith(".json"));
    for (const stored of hidden) {
      const bytes = readFileSync(join(site.repoDir, stored));
      expect(bytes.includes("attack at dawn"), stored).toBe(false);
      expect(bytes.includes("PG_VERSION"), stored).toBe(false);
    }
    const without = await site.run(["backup-fetch", join(site.scratch.path, "no-key"), name]);
    expect(without.exitCode).not.toBe(0);
    await using restored = await site.restore(name, { settings });
    expect(await restored.value("SELECT s FROM secrets")).toBe("attack at dawn");
  });
});

test("called as wal-g it speaks like WAL-G and writes lz4", async () => {
  await using site = await BackupSite.create({ version: "15", name: "wal-g", rows: 1000 });
  const local = await site.mustPush([], { name: "wal-g" });
  expect(local.log).toContain("INFO: ");
  expect(local.log).toContain("Backup will be pushed to storage: default");
  expect(local.log).toContain(`Wrote backup with name ${local.name} to storage default\n`);
  const streamed = await site.mustPush([], { name: "wal-g", directory: null });
  expect(streamed.log).toContain(`Wrote backup with name ${streamed.name}\n`);
  for (const { name } of [local, streamed]) {
    const parts = site.keys(`basebackups_005/${name}/tar_partitions`);
    expect(parts.every((key) => key.endsWith(".tar.lz4"))).toBe(true);
  }
  const other = join(site.scratch.path, "other");
  mkdirSync(other);
  giveToServers(other);
  const wrong = await site.push([], { name: "wal-g", directory: other });
  expect(wrong.exitCode).toBe(1);
  expect(wrong.stderr).toContain(
    `Data directory from command line '${other}' is not the same as Postgres' one ` +
      `'${site.cluster.dataDir}'`,
  );
  const delta = await site.push(["--delta-from-name", local.name], {
    name: "wal-g",
    directory: null,
  });
  expect(delta.exitCode).toBe(1);
  expect(delta.stderr).toContain("Delta backup not available for remote backup.");
  expect(delta.stderr).toContain("To run delta backup, supply [db_directory].");
  await using restored = await site.restore(local.name, { name: "wal-g" });
  expect(await site.digest(restored)).toBe(await site.digest());
});

test("a standby is backed up while its primary archives", async () => {
  await using site = await BackupSite.create({ version: "17", rows: 10_000 });
  const base = await site.mustPush();
  const target = await site.fetch(base.name);
  writeFileSync(join(target, "standby.signal"), "");
  await using standby = await adoptDirectory({
    dataDir: target,
    version: "17",
    settings: {
      primary_conninfo: `host=${site.cluster.socketDir} port=${site.cluster.port} user=u`,
      restore_command: `${binaryPath()} wal-fetch %f %p`,
    },
    env: site.environment(),
  });
  await standby.start();
  for (const directory of [target, null]) {
    await makeRestartPoint(site, standby);
    // A standby cannot end a WAL file; its primary's traffic does.
    const { name } = await site.underLoad(() => site.mustPush([], { cluster: standby, directory }));
    await site.archiveAll();
    await using restored = await site.restore(name);
    expect(await site.digest(restored)).toBe(await site.digest());
    const again = await site.push([], { cluster: standby, directory });
    expect(again.stderr).toContain("object exists already");
    expect(again.exitCode).toBe(23);
  }
});

test("what cannot be read ends the backup before the server is asked for anything", async () => {
  await using site = await BackupSite.create({ version: "16" });
  const secret = join(site.cluster.dataDir, "of-somebody-else");
  mkdirSync(secret, { mode: 0o000 });
  const result = await site.push();
  expect(result.exitCode).toBe(45);
  expect(result.stderr).toContain(secret);
  expect(result.stderr).not.toContain("backup started");
  expect(site.keys()).toEqual([]);
});

test("what lies in the data directory besides PostgreSQL's own files", async () => {
  await using site = await BackupSite.create({ version: "16" });
  const dataDir = site.cluster.dataDir;
  const longName = "n".repeat(180);
  for (const name of ["extra", "log", "pg_stat_tmp", `extra/${longName}`]) {
    mkdirSync(join(dataDir, name), { recursive: true });
    giveToServers(join(dataDir, name));
  }
  const files = {
    "extra/plain.conf": "kept",
    [`extra/${longName}/${longName}`]: "a long name",
    "extra/ümläut €.txt": "a name that is not ASCII",
    "log/server.log": "left out",
    "pg_stat_tmp/x": "left out",
    "standby.signal.bak": "kept",
  };
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(dataDir, name), content);
    giveToServers(join(dataDir, name));
  }
  const { name } = await site.mustPush();
  const target = await site.fetch(name);
  for (const [path, content] of Object.entries(files)) {
    const isKept = content !== "left out";
    expect(existsSync(join(target, path)), path).toBe(isKept);
    if (isKept) expect(readFileSync(join(target, path), "utf8")).toBe(content);
  }
  expect(readdirSync(join(target, "log"))).toEqual([]);
});
