// Deltas of a real server with the compiled binary: chains by WAL-G's rules for parents and names,
// restored page for page, checked by pg_checksums and by their rows; and what makes a backup full.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BackupSite, type Environment } from "../support/backup-site.ts";
import { postgresTool } from "../support/postgres-install.ts";
import { differingPages } from "../support/relation-files.ts";
import { mustRunAsServer } from "../support/run-as.ts";

/** The search for names of tables would set hint bits behind the backup's back. */
const QUIET = { WALG_DISABLE_PARTIAL_RESTORE: "true" };
const DELTAS = { ...QUIET, WALG_DELTA_MAX_STEPS: "6" };
/** No page is written behind the test's back. */
const SETTINGS = { autovacuum: false, checkpoint_timeout: "1h", bgwriter_lru_maxpages: 0 };

interface FileFacts {
  readonly IsIncremented: boolean;
  readonly IsSkipped: boolean;
}

function filesOf(site: BackupSite, backup: string): Readonly<Record<string, FileFacts>> {
  const text = site.document(`basebackups_005/${backup}/files_metadata.json`);
  return (JSON.parse(text) as { Files: Record<string, FileFacts> }).Files;
}

function sentinelOf(site: BackupSite, backup: string): Readonly<Record<string, unknown>> {
  return JSON.parse(site.sentinel(backup)) as Record<string, unknown>;
}

describe.each(["15", "17"] as const)("PostgreSQL %s", (version) => {
  test("a chain of deltas under load gives back every page and row", async () => {
    await using site = await BackupSite.create({ version, rows: 40_000, settings: SETTINGS });
    const { cluster } = site;
    const table = async (name: string) =>
      `/${await cluster.value(`SELECT pg_relation_filepath('${name}')`)}`;
    await cluster.query(`
      CREATE TABLE still AS SELECT i, repeat('s', 100) FROM generate_series(1, 5000) i;
      CREATE TABLE cut AS SELECT i, repeat('c', 100) FROM generate_series(1, 5000) i;
      CREATE TABLE gone AS SELECT 1 i;
      CREATE UNLOGGED TABLE free AS SELECT i FROM generate_series(1, 5000) i;
      CHECKPOINT`);
    const full = await site.mustPush([], { settings: DELTAS });
    expect(full.name).toMatch(/^base_[0-9A-F]{24}$/);
    expect(full.log).toContain("Couldn't find previous backup. Doing full backup.");
    await cluster.changeBench(200);
    await cluster.query("DELETE FROM cut WHERE i > 100; DROP TABLE gone; UPDATE free SET i = -i");
    await cluster.query("VACUUM cut");
    const first = await site.underLoad(() => site.mustPush([], { settings: DELTAS }));
    expect(first.name).toMatch(new RegExp(`^base_[0-9A-F]{24}_D_${full.name.slice(5)}$`));
    expect(first.log).toMatch(
      new RegExp(`Delta backup from ${full.name} with LSN [0-9A-F]+/[0-9A-F]+\\.`),
    );
    await cluster.query(`
      CREATE TABLE made AS SELECT i FROM generate_series(1, 1000) i;
      TRUNCATE cut; INSERT INTO still VALUES (0, 'new')`);
    await cluster.changeBench(200);
    await cluster.query("CHECKPOINT");
    const second = await site.mustPush([], { settings: DELTAS });
    const segment = /^base_([0-9A-F]{24})/.exec(first.name)?.[1] ?? "";
    expect(second.name.endsWith(`_D_${segment}`)).toBe(true);

    const sentinel = sentinelOf(site, second.name);
    expect(sentinel).toMatchObject({
      DeltaFrom: first.name,
      DeltaFullName: full.name,
      DeltaCount: 2,
      DeltaLSN: sentinelOf(site, first.name)["LSN"],
      TidemarkFinder: "page-scan",
    });
    const files = filesOf(site, second.name);
    expect(files[await table("still")]).toMatchObject({ IsIncremented: true });
    expect(files[await table("made")]).toMatchObject({ IsIncremented: false, IsSkipped: false });
    const unlogged = files[await table("free")];
    expect(unlogged).toMatchObject({ IsIncremented: false, IsSkipped: true });
    expect(filesOf(site, first.name)[await table("free")]).toMatchObject({
      IsIncremented: false,
      IsSkipped: false,
    });
    expect(files["/PG_VERSION"]).toMatchObject({ IsSkipped: true });
    expect(
      Object.values(files).some(({ IsIncremented, IsSkipped }) => IsIncremented && IsSkipped),
    ).toBe(false);
    // Three changed tables among a few hundred files.
    expect(Number(sentinel["UncompressedSize"])).toBeLessThan(
      Number(sentinelOf(site, full.name)["UncompressedSize"]) / 2,
    );

    // Nothing has been written since the last checkpoint, so the files must be the same.
    const raw = await site.fetch(second.name);
    expect(differingPages(cluster.dataDir, raw)).toEqual([]);

    await site.archiveAll();
    const digest = await site.digest();
    for (const backup of [full, first, second]) {
      await using restored = await site.restore(backup.name);
      expect(await site.digest(restored)).toBe(digest);
      expect(await restored.value("SELECT count(*) FROM still")).toBe("5001");
      expect(await restored.value("SELECT count(*) FROM cut")).toBe("0");
      await restored.stop();
      // The tool at hand reads no later pg_control.
      if (version !== "15") continue;
      await mustRunAsServer([postgresTool("pg_checksums"), "--check", "-D", restored.dataDir]);
    }
  });
});

describe("the parent", () => {
  test("is chosen by WAL-G's rules, with its words", async () => {
    await using site = await BackupSite.create({ version: "17", settings: SETTINGS });
    const push = async (args: readonly string[], settings: Environment = {}) => {
      await site.cluster.query("SELECT pg_logical_emit_message(true, 'x', repeat('y', 2000000))");
      return await site.mustPush(args, { settings: { ...QUIET, ...settings } });
    };
    const steps = { WALG_DELTA_MAX_STEPS: "2" };
    const segmentOf = (name: string) => name.slice(5, 29);
    const off = await push(["--add-user-data", '{"day":1}']);
    expect(off.name).not.toContain("_D_");
    const one = await push([], steps);
    expect(one.name).toContain(`_D_${segmentOf(off.name)}`);
    const two = await push(["--add-user-data", '{"day":2}'], steps);
    expect(two.name).toContain(`_D_${segmentOf(one.name)}`);
    const reached = await push([], steps);
    expect(reached.log).toContain("Reached max delta steps. Doing full backup.");
    expect(reached.name).not.toContain("_D_");
    const forced = await push(["--full"], steps);
    expect(forced.log).toContain("Doing full backup.");
    expect(forced.name).not.toContain("_D_");

    const named = await push(["--delta-from-name", one.name], steps);
    expect(named.name).toContain(`_D_${segmentOf(one.name)}`);
    const byData = await push(["--delta-from-user-data", '{"day":1}'], steps);
    expect(byData.name).toContain(`_D_${segmentOf(off.name)}`);
    const again = await push(["--delta-from-user-data", '{"day":2}'], steps);
    expect(again.log).toContain("Reached max delta steps. Doing full backup.");
    const absent = await site.push(["--delta-from-name", "base_0"], { settings: steps });
    expect(absent.exitCode).not.toBe(0);
    expect(absent.stderr).toContain("Backup 'base_0' does not exist.");

    const origin = { ...steps, WALG_DELTA_ORIGIN: "LATEST_FULL" };
    const fromFull = await push(["--delta-from-name", one.name], origin);
    expect(fromFull.log).toContain("Delta will be made from full backup.");
    expect(fromFull.name).toContain(`_D_${segmentOf(off.name)}`);
    expect(sentinelOf(site, fromFull.name)).toMatchObject({
      DeltaFrom: off.name,
      DeltaFullName: off.name,
      // It counts from the chosen backup.
      DeltaCount: 2,
    });
  });

  test("that is permanent has permanent deltas only, and permanent deltas make it so", async () => {
    await using site = await BackupSite.create({ version: "17", settings: SETTINGS });
    const isPermanent = (name: string) =>
      site.document(`basebackups_005/${name}/metadata.json`).includes('"is_permanent":true');
    const push = async (args: readonly string[], settings: Environment = DELTAS) => {
      await site.cluster.query("SELECT pg_logical_emit_message(true, 'x', repeat('y', 2000000))");
      return await site.mustPush(args, { settings });
    };
    const full = await push([]);
    const middle = await push([]);
    expect([full, middle].map(({ name }) => isPermanent(name))).toEqual([false, false]);
    const kept = await push(["--permanent"]);
    expect(kept.name).toContain("_D_");
    expect([full, middle, kept].map(({ name }) => isPermanent(name))).toEqual([true, true, true]);
    const refused = await push([]);
    expect(refused.log).toContain("Can't do a delta backup from permanent backup.");
    expect(refused.name).not.toContain("_D_");
    await site.mustPush(["--full", "--permanent"], { settings: DELTAS });
    const other = await push([], { ...DELTAS, WALG_DELTA_ORIGIN: "LATEST_FULL" });
    expect(other.name).toContain("_D_");
    // Marking rewrites a document of the backup, which can be restored all the same.
    expect(existsSync(join(await site.fetch(kept.name), "PG_VERSION"))).toBe(true);
  });

  test("of a streamed backup is none, and a streamed backup is none of a parent", async () => {
    await using site = await BackupSite.create({ version: "17", settings: SETTINGS });
    const streamed = await site.mustPush([], { settings: DELTAS, directory: null });
    expect(streamed.log).toContain("Delta backup not available for remote backup");
    await site.cluster.query("SELECT pg_logical_emit_message(true, 'x', repeat('y', 2000000))");
    const next = await site.mustPush([], { settings: DELTAS });
    expect(next.name).not.toContain("_D_");
    expect(next.log).toMatch(/No delta is possible: .*no list of files.* Doing full backup\./);
    const refused = await site.push(["--delta-from-name", streamed.name], {
      settings: DELTAS,
      directory: null,
    });
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toContain("Delta backup not available for remote backup.");
    expect(readFileSync(join(await site.fetch(next.name), "PG_VERSION"), "utf8")).toBe("17\n");
  });
});
