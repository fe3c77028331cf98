// A backup is listed only when every WAL file from its start to its end is in the repository, as a
// look into the repository shows: the archiver's word is not enough. Run with the compiled binary.
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";

/** Segments between two LSNs of a sentinel, 1 MiB each. */
function neededSegments(sentinel: string): string[] {
  const lsn = (key: string) => Number(new RegExp(`"${key}":(\\d+)`).exec(sentinel)?.[1]);
  const first = Math.floor(lsn("LSN") / (1 << 20));
  const last = Math.floor((lsn("FinishLSN") - 1) / (1 << 20));
  return Array.from({ length: last - first + 1 }, (_, index) => {
    return `00000001${"0".repeat(8)}${(first + index).toString(16).toUpperCase().padStart(8, "0")}`;
  });
}

test("G23 every needed WAL file is there the moment the backup is", async () => {
  await using site = await BackupSite.create({ version: "17", rows: 20_000 });
  for (const directory of [site.cluster.dataDir, null]) {
    const { name } = await site.underLoad(() => site.mustPush([], { directory }));
    const stored = site.keys("wal_005");
    const needed = neededSegments(site.sentinel(name));
    expect(needed.length).toBeGreaterThan(0);
    for (const segment of needed) expect(stored).toContain(`wal_005/${segment}.zst`);
  }
});

test("G23 without the last WAL file nothing is listed, and nothing stays", async () => {
  await using site = await BackupSite.create({ version: "17", rows: 20_000 });
  // Archiving works until the copy has begun, and then no more; the server is told it does.
  const stopped = join(site.scratch.path, "stopped");
  const command = (await site.cluster.value("SHOW archive_command")).replaceAll("'", "''");
  await site.cluster.query(
    `ALTER SYSTEM SET archive_command = 'if test -e ${stopped}; then true; else ${command}; fi'`,
  );
  await site.cluster.query("SELECT pg_reload_conf()");
  for (const directory of [site.cluster.dataDir, null]) {
    rmSync(stopped, { force: true });
    await site.archiveAll();
    const before = site.keys("wal_005").length;
    const settings = {
      TIDEMARK_ARCHIVE_TIMEOUT: "2s",
      WALG_COMPRESSION_METHOD: "lzma",
      WALG_TAR_SIZE_THRESHOLD: "300000",
    };
    const push = site.startPush([], { settings, directory });
    await site.cluster.waitUntil("the copy goes on", () => site.keys().length > 2);
    await Bun.write(stopped, "");
    await site.cluster.switchWal();
    expect(await push.exited).toBe(42);
    expect(await push.stderr).toContain("did not reach the repository within 2 s");
    expect(site.keys("wal_005").length).toBeGreaterThanOrEqual(before);
    expect(site.keys()).toEqual([]);
    expect(existsSync(stopped)).toBe(true);
  }
});

test("G23 without our look into the repository, the archiver's word counts", async () => {
  await using site = await BackupSite.create({ version: "17" });
  await site.cluster.query("ALTER SYSTEM SET archive_command = '/bin/false'");
  await site.cluster.query("SELECT pg_reload_conf()");
  const settings = { TIDEMARK_ARCHIVE_CHECK: "false", WALG_STOP_BACKUP_TIMEOUT: "2s" };
  const failed = await site.push([], { settings });
  expect(failed.exitCode).toBe(40);
  expect(failed.stderr).toContain("statement timeout");
  expect(site.keys()).toEqual([]);
});
