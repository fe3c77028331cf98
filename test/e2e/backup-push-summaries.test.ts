// Deltas of real servers by WAL summaries with the compiled binary: only what changed is read
// (/proc counts the bytes), the finder is logged and recorded, and the chain restores page for
// page; where a summary is missing all pages are looked at.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { differingPages } from "../support/relation-files.ts";

const DELTAS = { WALG_DISABLE_PARTIAL_RESTORE: "true", WALG_DELTA_MAX_STEPS: "6" };
const SETTINGS = {
  summarize_wal: true,
  autovacuum: false,
  checkpoint_timeout: "1h",
  max_wal_size: "4GB",
};

/** The documents of the parent, and files of a young cluster whose state proves nothing yet. */
const OTHER_READS_MAX = 8 << 20;
const ROWS = 45_000;

interface Push {
  readonly name: string;
  readonly log: string;
  readonly readBytes: number;
}

/** Reads of files, the page cache included, as the kernel counts them for the process. */
function readBytesOf(processId: number): number | undefined {
  try {
    const counts = readFileSync(`/proc/${processId}/io`, "utf8");
    return Number(/^rchar: (\d+)$/m.exec(counts)?.[1]);
  } catch {
    return undefined;
  }
}

async function push(site: BackupSite): Promise<Push> {
  const running = site.startPush([], { settings: DELTAS });
  let readBytes = 0;
  let isOver = false;
  while (!isOver) {
    readBytes = readBytesOf(running.pid) ?? readBytes;
    isOver = await Promise.race([running.exited.then(() => true), Bun.sleep(1).then(() => false)]);
  }
  const log = await running.stderr;
  const name = /Wrote backup with name (\S+)/.exec(log)?.[1];
  if (name === undefined) throw new Error(log);
  return { name, log, readBytes };
}

function finderOf(site: BackupSite, backup: string): unknown {
  return (JSON.parse(site.sentinel(backup)) as Record<string, unknown>)["TidemarkFinder"];
}

describe.each(["17", "18"] as const)("PostgreSQL %s", (version) => {
  test("a delta reads the changed blocks, and the chain restores every page", async () => {
    await using site = await BackupSite.create({ version, settings: SETTINGS, rows: 1000 });
    const { cluster } = site;
    await cluster.query(`
      CREATE TABLE large AS
        SELECT i, repeat(md5(i::text), 30) t FROM generate_series(1, ${ROWS}) i;
      CREATE TABLE cut AS SELECT i, repeat('c', 100) t FROM generate_series(1, 5000) i;
      CREATE TABLE gone AS SELECT 1 i`);
    // Else the first to look at the rows changes all pages: it sets their hint bits.
    await cluster.query("VACUUM large");
    await cluster.query("CHECKPOINT");
    const full = await push(site);
    const largeBytes = Number(await cluster.value("SELECT pg_relation_size('large')"));
    expect(largeBytes).toBeGreaterThan(40 << 20);
    expect(full.readBytes).toBeGreaterThan(largeBytes);

    await cluster.query(`
      UPDATE large SET i = -i WHERE i % 3000 = 0;
      DELETE FROM cut WHERE i > 100;
      DROP TABLE gone;
      CREATE TABLE made AS SELECT i FROM generate_series(1, 1000) i`);
    await cluster.query("VACUUM cut");
    const delta = await site.underLoad(() => push(site));
    expect(delta.log).toContain("changed pages are found by wal-summaries");
    expect(delta.log).toMatch(/changed blocks are known from \d+ WAL summaries/);
    expect(finderOf(site, delta.name)).toBe("wal-summaries");
    const storedBytes = Number(/ plainBytes=(\d+)/.exec(delta.log)?.[1]);
    expect(storedBytes).toBeLessThan(largeBytes / 4);
    expect(delta.readBytes).toBeLessThan(2 * storedBytes + OTHER_READS_MAX);

    await cluster.query("TRUNCATE cut; UPDATE large SET t = 'short' WHERE i = 17");
    await cluster.query("CHECKPOINT");
    const second = await push(site);
    expect(finderOf(site, second.name)).toBe("wal-summaries");

    // Nothing has been written since the last checkpoint, so the files must be the same.
    const raw = await site.fetch(second.name);
    expect(differingPages(cluster.dataDir, raw)).toEqual([]);
    await site.archiveAll();
    const digest = await site.digest();
    await using restored = await site.restore(second.name);
    expect(await site.digest(restored)).toBe(digest);
    expect(await restored.value("SELECT count(*) FROM large WHERE i < 0")).toBe("15");
    expect(await restored.value("SELECT count(*) FROM made")).toBe("1000");
  });
});

test("where a summary is missing all pages are looked at, and the log says why", async () => {
  await using site = await BackupSite.create({ version: "17", settings: SETTINGS, rows: 1000 });
  const { cluster } = site;
  await push(site);
  await cluster.changeBench(100);
  await cluster.query("CHECKPOINT");
  const summarized = "SELECT summarized_lsn >= redo_lsn FROM pg_get_wal_summarizer_state()";
  await cluster.waitUntil("the changes are summarized", async () => {
    const isDone = await cluster.value(`${summarized}, pg_control_checkpoint()`);
    return isDone === "t";
  });
  const folder = join(cluster.dataDir, "pg_wal", "summaries");
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  const delta = await push(site);
  expect(finderOf(site, delta.name)).toBe("page-scan");
  expect(delta.log).toMatch(
    /WARNING: .* WAL summaries are not used: no WAL summary tells of timeline 1 from/,
  );
  expect(delta.log).toContain("changed pages are found by page-scan");
  const digest = await site.digest();
  await site.archiveAll();
  await using restored = await site.restore(delta.name);
  expect(await site.digest(restored)).toBe(digest);
});
