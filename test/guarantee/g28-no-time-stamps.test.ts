// Backups go by no time stamp that can be put back: a file of the same size and time is stored as
// it is now, in fulls and in deltas, and a relation that was copied under an old name is not taken
// for the old one. Run with the compiled binary on real servers.
import { readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { differingPages } from "../support/relation-files.ts";
import { giveToServers } from "../support/scratch.ts";

const DELTAS = { WALG_DELTA_MAX_STEPS: "9", WALG_DISABLE_PARTIAL_RESTORE: "true" };

test("G28 a change that shows in no time stamp is in the next full backup", async () => {
  await using site = await BackupSite.create({ version: "17" });
  const path = join(site.cluster.dataDir, "extra.conf");
  writeFileSync(path, "one");
  giveToServers(path);
  const { atime, mtime } = statSync(path);
  const first = await site.mustPush();
  writeFileSync(path, "two");
  utimesSync(path, atime, mtime);
  const second = await site.mustPush();
  utimesSync(path, new Date(0), new Date(0));
  writeFileSync(path, "six");
  utimesSync(path, new Date(0), new Date(0));
  const third = await site.mustPush();
  for (const [{ name }, content] of [
    [first, "one"],
    [second, "two"],
    [third, "six"],
  ] as const) {
    expect(readFileSync(join(await site.fetch(name), "extra.conf"), "utf8")).toBe(content);
  }
});

test("G28 a change that shows in no time stamp is in the next delta", async () => {
  await using site = await BackupSite.create({ version: "17", settings: { autovacuum: false } });
  const path = join(site.cluster.dataDir, "extra.conf");
  const time = new Date("2026-01-01T00:00:00Z");
  const backups: { readonly name: string; readonly content: string }[] = [];
  for (const content of ["one", "two", "six", "six", "ten"]) {
    writeFileSync(path, content);
    giveToServers(path);
    utimesSync(path, time, time);
    await site.cluster.query("SELECT pg_logical_emit_message(true, 'x', repeat('y', 2000000))");
    const { name } = await site.mustPush([], { settings: DELTAS });
    expect(name.includes("_D_")).toBe(backups.length > 0);
    backups.push({ name, content });
  }
  for (const { name, content } of backups) {
    expect(readFileSync(join(await site.fetch(name), "extra.conf"), "utf8")).toBe(content);
  }
});

test("G28 a database that is copied under the number of a dropped one is stored anew", async () => {
  await using site = await BackupSite.create({
    version: "17",
    settings: { autovacuum: false, checkpoint_timeout: "1h", bgwriter_lru_maxpages: 0 },
  });
  const { cluster } = site;
  const copy = (template: string) =>
    cluster.query(`CREATE DATABASE copy OID = 50000 TEMPLATE ${template} STRATEGY FILE_COPY`);
  await cluster.query("CREATE DATABASE first");
  await cluster.query("CREATE DATABASE second");
  // The same files by their names, with pages that differ and are all older than the backup.
  for (const [database, word] of [
    ["first", "old"],
    ["second", "new"],
  ] as const) {
    const connection = await cluster.connect({ database });
    await connection.query(
      `CREATE TABLE t AS SELECT i, repeat('${word}', 30) FROM generate_series(1, 20000) i`,
      { signal: new AbortController().signal },
    );
    await connection.close();
  }
  await copy("first");
  await cluster.query("CHECKPOINT");
  const full = await site.mustPush([], { settings: DELTAS });
  await cluster.query("DROP DATABASE copy");
  await copy("second");
  await cluster.query("CHECKPOINT");
  const delta = await site.mustPush([], { settings: DELTAS });
  expect(delta.name).toContain(`_D_${full.name.slice(5)}`);
  expect(differingPages(cluster.dataDir, await site.fetch(delta.name))).toEqual([]);
  expect(delta.log).toContain("are not those of the parent: stored whole");
});
