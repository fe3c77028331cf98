// Files that grow, shrink, come and go during the copy do not break a backup, and recovery makes of
// it what the server had; pg_control is whole. Run with the compiled binary on a real server.
import { expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";

const SLOW = { WALG_COMPRESSION_METHOD: "brotli", WALG_TAR_SIZE_THRESHOLD: "700000" };
const TABLES = 8;

test.each(["17"] as const)(
  "G29 relations grow, shrink and vanish during the copy (%s)",
  async (version) => {
    await using site = await BackupSite.create({
      version,
      rows: 10_000,
      settings: { checkpoint_timeout: "30s", autovacuum_naptime: "1s" },
    });
    const fill = (table: number) =>
      `INSERT INTO t${table} SELECT i, repeat('x', 200) FROM generate_series(1, 3000) i`;
    for (let table = 0; table < TABLES; table += 1) {
      await site.cluster.query(
        `CREATE TABLE t${table} (i int PRIMARY KEY, s text); ${fill(table)}`,
      );
    }
    await site.cluster.query("CHECKPOINT");
    const deltas = { ...SLOW, WALG_DELTA_MAX_STEPS: "9" };
    for (const [settings, directory] of [
      [SLOW, site.cluster.dataDir],
      [deltas, site.cluster.dataDir],
      [deltas, site.cluster.dataDir],
      [SLOW, null],
    ] as const) {
      const push = site.startPush([], { settings, directory });
      let isOver = false;
      const ended = push.exited.finally(() => {
        isOver = true;
      });
      let rounds = 0;
      for (let table = 0; !isOver; table = (table + 1) % TABLES) {
        // New files with new names, files cut to nothing, files that go at the next checkpoint.
        await site.cluster.query(`
        DROP TABLE t${table};
        CREATE TABLE t${table} (i int PRIMARY KEY, s text);
        ${fill(table)};
        DELETE FROM t${(table + 1) % TABLES} WHERE i > 50`);
        await site.cluster.query(`VACUUM t${(table + 1) % TABLES}`);
        await site.cluster.query(`TRUNCATE t${(table + 2) % TABLES}; CHECKPOINT`);
        rounds += 1;
      }
      expect(await ended).toBe(0);
      expect(rounds).toBeGreaterThan(2);
      const log = await push.stderr;
      expect(log).not.toContain("page checksum");
      const name = /Wrote backup with name (\S+)/.exec(log)?.[1] ?? "";
      expect(name.includes("_D_")).toBe(settings === deltas);
      await site.archiveAll();
      const counts = Array.from(
        { length: TABLES },
        (_, table) => `(SELECT count(*) FROM t${table})`,
      );
      const sql = `SELECT concat_ws(' ', ${counts.join(", ")})`;
      await using restored = await site.restore(name);
      expect(await restored.value(sql)).toBe(await site.cluster.value(sql));
      expect(await site.digest(restored)).toBe(await site.digest());
    }
  },
);
