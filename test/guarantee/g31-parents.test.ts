// A delta whose parent is missing, damaged, of another cluster or off the server's history becomes
// a full backup with a stated reason, or is refused; what is made restores page for page. Run with
// the compiled binary on real servers.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { startCluster } from "../support/postgres-cluster.ts";
import { postgresTool } from "../support/postgres-install.ts";
import { differingPages } from "../support/relation-files.ts";
import { mustRunAsServer } from "../support/run-as.ts";

const DELTAS = { WALG_DISABLE_PARTIAL_RESTORE: "true", WALG_DELTA_MAX_STEPS: "9" };
/** No page is written behind the test's back. */
const SETTINGS = { autovacuum: false, checkpoint_timeout: "1h", bgwriter_lru_maxpages: 0 };

/** Backups get names of their own once some WAL was written. */
async function goOn(site: BackupSite, cluster = site.cluster): Promise<void> {
  await cluster.query("SELECT pg_logical_emit_message(true, 'x', repeat('y', 2000000))");
}

function change(site: BackupSite, key: string, edit: (text: string) => string): void {
  const path = join(site.repoDir, "basebackups_005", key);
  const before = readFileSync(path, "latin1");
  const after = edit(before);
  expect(after).not.toBe(before);
  writeFileSync(path, after, "latin1");
}

describe("G31 a parent", () => {
  test("G31 of another cluster, or newer than the server, is refused", async () => {
    await using site = await BackupSite.create({ version: "17", settings: SETTINGS });
    const { name } = await site.mustPush([], { settings: DELTAS });
    await using stranger = await startCluster({ version: "17", walSegmentMiB: 1 });
    const foreign = await site.push([], { settings: DELTAS, cluster: stranger });
    expect(foreign.exitCode).not.toBe(0);
    expect(foreign.stderr).toContain("Current database and database of base backup are not equal.");
    await goOn(site);
    change(site, `${name}_backup_stop_sentinel.json`, (text) =>
      text.replace(/"FinishLSN":(\d+)/, '"FinishLSN":9$1'),
    );
    const newer = await site.push([], { settings: DELTAS });
    expect(newer.exitCode).not.toBe(0);
    expect(newer.stderr).toContain(`Finish LSN of backup ${name} greater than current LSN`);
    await site.waitUntilIdle();
    expect(site.listed()).toEqual([name]);
    const full = await site.mustPush(["--full"], { settings: DELTAS });
    expect(full.name).not.toContain("_D_");
  });

  test.each<[string, (site: BackupSite, root: string, parent: string) => void, RegExp]>([
    [
      "whose own parent is gone",
      (site, root) =>
        rmSync(join(site.repoDir, `basebackups_005/${root}_backup_stop_sentinel.json`)),
      /builds on base_\S+, which is not in storage/,
    ],
    [
      "whose list of files is damaged",
      (site, _, parent) =>
        change(site, `${parent}/files_metadata.json`, (text) => text.replace("/base/", "/bare/")),
      /files_metadata.json: is not what the receipts say/,
    ],
    [
      "whose list of files is gone",
      (site, _, parent) =>
        rmSync(join(site.repoDir, `basebackups_005/${parent}/files_metadata.json`)),
      /files_metadata.json: is missing/,
    ],
    [
      "whose sentinel is damaged",
      (site, _, parent) =>
        change(site, `${parent}_backup_stop_sentinel.json`, (text) => text.slice(0, 100)),
      /sentinel.json/,
    ],
    [
      "whose receipts are damaged",
      (site, _, parent) => change(site, `${parent}/receipts.bin`, (text) => text.slice(0, -1)),
      /receipts.bin/,
    ],
  ])("G31 %s makes the next backup full, and the log says why", async (_, damage, reason) => {
    await using site = await BackupSite.create({ version: "17", settings: SETTINGS });
    const root = await site.mustPush([], { settings: DELTAS });
    await goOn(site);
    const parent = await site.mustPush([], { settings: DELTAS });
    expect(parent.name).toContain("_D_");
    damage(site, root.name, parent.name);
    await goOn(site);
    const next = await site.mustPush([], { settings: DELTAS });
    expect(next.name).not.toContain("_D_");
    expect(next.log).toMatch(reason);
    expect(next.log).toContain("Doing full backup.");
    await site.cluster.query("CHECKPOINT");
    expect(differingPages(site.cluster.dataDir, await site.fetch(next.name))).toEqual([]);
  });

  test("G31 that was taken before page checksums were turned off is not built on", async () => {
    await using site = await BackupSite.create({ version: "15", settings: SETTINGS });
    const { name: full } = await site.mustPush([], { settings: DELTAS });
    await goOn(site);
    const delta = await site.mustPush([], { settings: DELTAS });
    expect(delta.name).toContain(`_D_${full.slice(5)}`);
    // All pages change, and no LSN.
    await site.cluster.stop();
    await mustRunAsServer([postgresTool("pg_checksums"), "--disable", site.cluster.dataDir]);
    await site.cluster.start();
    await goOn(site);
    const later = await site.mustPush([], { settings: DELTAS });
    expect(later.name).not.toContain("_D_");
    expect(later.log).toMatch(/page checksums were turned off since .*Doing full backup\./);
  });

  test("G31 of another timeline is built on only where the server's history holds it", async () => {
    await using site = await BackupSite.create({ version: "17", rows: 2000, settings: SETTINGS });
    const { name: full } = await site.mustPush([], { settings: DELTAS });
    await site.archiveAll();
    await using promoted = await site.restore(full);
    // It archives nothing here; what is looked at is the data.
    const apart = { settings: { ...DELTAS, TIDEMARK_ARCHIVE_CHECK: "false" }, cluster: promoted };
    await promoted.changeBench(50);
    await promoted.query("CHECKPOINT");
    const held = await site.mustPush([], apart);
    expect(held.name).toMatch(new RegExp(`^base_00000002[0-9A-F]{16}_D_${full.slice(5)}$`));
    // A restore made all files anew, so none of them may be taken for the parent's.
    expect(held.log).toMatch(/files of relations are not those of the parent/);
    expect(differingPages(promoted.dataDir, await site.fetch(held.name))).toEqual([]);

    // The first server knows nothing of the other one's timeline.
    await goOn(site);
    const stranger = await site.mustPush([], { settings: DELTAS });
    expect(stranger.name).not.toContain("_D_");
    expect(stranger.log).toMatch(/timeline 2, which is no ancestor of 1.*Doing full backup\./);
    // What went on after the promoted one left is not its own.
    await goOn(site, promoted);
    const later = await site.mustPush([], apart);
    expect(later.name).not.toContain("_D_");
    expect(later.log).toMatch(/after the server's history left timeline 1.*Doing full backup\./);
    const own = await site.mustPush(["--delta-from-name", held.name], apart);
    expect(own.name).toContain(`_D_${held.name.slice(5, 29)}`);
  });
});
