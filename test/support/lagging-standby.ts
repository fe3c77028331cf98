import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { readControlFile } from "../../src/database/postgres/control-file.ts";
import { BackupSite, type PushOptions } from "./backup-site.ts";
import { adoptDirectory, type PostgresCluster } from "./postgres-cluster.ts";
import type { PostgresVersion } from "./postgres-install.ts";
import { describeRun } from "./run-as.ts";
import { binaryPath } from "./scratch.ts";

/** A line of the standby's settings that the primary's lack. */
export const STANDBY_SETTING = "# of the standby alone\n";

/** A primary, and a stopped standby that has nothing to go on with: the WAL between is gone. */
export async function laggingStandby(
  version: PostgresVersion,
  change: (primary: PostgresCluster) => Promise<void>,
) {
  const site = await BackupSite.create({ version, rows: 3000 });
  const primary = site.cluster;
  await primary.query(
    "CREATE TABLE dropped AS SELECT i, repeat('x', 500) b FROM generate_series(1, 2000) i",
  );
  await primary.query(
    "CREATE TABLE shrunk AS SELECT i, repeat('y', 500) b FROM generate_series(1, 2000) i",
  );
  await primary.query(
    "CREATE TABLE early WITH (autovacuum_enabled = off) AS " +
      "SELECT i, 'old' b FROM generate_series(1, 2000) i",
  );
  if (version === "15") await primary.query("CREATE EXTENSION amcheck");
  const { name } = await site.mustPush();
  // Without a checkpoint after them: the standby replays these, and does not write them when it
  // stops, although pg_control says that it came so far.
  await primary.query("UPDATE early SET b = 'new'");
  await site.archiveAll();
  const directory = await site.fetch(name);
  const command = `restore_command = '${binaryPath()} wal-fetch %f %p'\n`;
  appendFileSync(join(directory, "postgresql.auto.conf"), command + STANDBY_SETTING);
  writeFileSync(join(directory, "standby.signal"), "");
  const standby = await adoptDirectory({
    dataDir: directory,
    version,
    settings: { archive_mode: "off", wal_retrieve_retry_interval: "100ms" },
    env: site.environment(),
  });
  await standby.start();
  await standby.stop();
  const { redoLsn } = readControlFile(directory);
  await change(primary);
  await site.archiveAll();
  // Nobody has kept what the standby would have to replay.
  const archive = join(site.repoDir, "wal_005");
  for (const file of readdirSync(archive)) {
    if (/^[0-9A-F]{24}\./.test(file)) rmSync(join(archive, file));
  }
  return {
    site,
    primary,
    standby,
    directory,
    fromLsn: redoLsn,
    async [Symbol.asyncDispose]() {
      await standby[Symbol.asyncDispose]();
      await site[Symbol.asyncDispose]();
    },
  };
}

export type LaggingScene = Awaited<ReturnType<typeof laggingStandby>>;

/** catchup-push to its end; the name. */
export async function catchupPush(scene: LaggingScene, fromLsn: bigint): Promise<string> {
  const args = ["catchup-push", scene.primary.dataDir, "--from-lsn", `${fromLsn}`];
  const result = await scene.site.run(args);
  const name = /Wrote backup with name (\S+)/.exec(result.stderr)?.[1];
  if (result.exitCode !== 0 || name === undefined) throw new Error(describeRun(args, result));
  return name;
}

/** The standby starts, and comes to hold all that the primary has. */
export async function follows({ site, primary, standby }: LaggingScene): Promise<void> {
  await standby.start();
  await primary.changeBench(200);
  const truth = await site.digest();
  await site.archiveAll();
  await standby.waitUntil("it follows", async () => (await site.digest(standby)) === truth);
  // Autovacuum may still change the catalogs.
  await standby.waitUntil("all is the same", async () => {
    return (await wholeDigest(standby)) === (await wholeDigest(primary));
  });
  await checkIndexes(standby);
}

/** Count and content of every table that is not a view of the server's state. */
async function wholeDigest(cluster: PostgresCluster): Promise<string> {
  const tables = await cluster.query(
    "SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'm') AND relpersistence = 'p'" +
      " AND relname NOT IN ('pg_statistic') ORDER BY 1",
  );
  const parts = tables.map(([table]) => {
    const content = "coalesce(sum(hashtext(t::text)::bigint), 0)";
    return `SELECT '${table}' || count(*) || ${content} FROM ${table} t`;
  });
  return (await cluster.query(parts.join(" UNION ALL "))).flat().sort().join("\n");
}

/** Each entry of each index has its row, and each row its entries; where there is amcheck. */
async function checkIndexes(cluster: PostgresCluster): Promise<void> {
  const has = await cluster.value("SELECT count(*) FROM pg_extension WHERE extname = 'amcheck'");
  if (has === "0") return;
  await cluster.query(`
    SELECT bt_index_check(c.oid, true) FROM pg_class c JOIN pg_am a ON a.oid = c.relam
    WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence = 'p'`);
}

/** catchup-send, once somebody listens. */
export async function sendWhenReady(
  { site, primary }: LaggingScene,
  port: number,
  options: PushOptions = {},
) {
  while (!isListening(port)) await Bun.sleep(20);
  return await site.run(["catchup-send", primary.dataDir, `127.0.0.1:${port}`], options);
}

/** Looks at the kernel's table of sockets: a connection would be taken for the sender's. */
export function isListening(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].filter(existsSync);
  const listening = new RegExp(`:${hex} [0-9A-F:]+ 0A `);
  return tables.some((table) => listening.test(readFileSync(table, "latin1")));
}
