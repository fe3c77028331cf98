// Two servers diverge by promotion and the old primary has removed the WAL that pg_rewind needs:
// with the real pg_rewind of Debian, which fails before wal-restore and succeeds after it, and the
// rewound server follows the new primary. What must be refused, is, and nothing is overwritten.
import {
  appendFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { adoptDirectory, type PostgresCluster } from "../support/postgres-cluster.ts";
import { postgresBinDir } from "../support/postgres-install.ts";
import { asServer, runToEnd } from "../support/run-as.ts";
import { binaryPath, giveTreeToServers } from "../support/scratch.ts";

const VERSION = "15";
const SMALL_WAL = { max_wal_size: "2MB", min_wal_size: "2MB", wal_keep_size: 0 };

function rewind(target: string, source: string) {
  const program = join(postgresBinDir(VERSION), "pg_rewind");
  const words = ["--target-pgdata", target, "--source-pgdata", source, "--no-sync"];
  return runToEnd(asServer([program, ...words]), {});
}

function segmentsIn(dataDir: string): string[] {
  return readdirSync(join(dataDir, "pg_wal")).filter((name) => /^[0-9A-F]{24}$/.test(name));
}

/** Writes and checkpoints until the server has removed this segment. */
async function writeUntilRemoved(cluster: PostgresCluster, segment: string): Promise<void> {
  for (let round = 0; round < 40; round += 1) {
    await cluster.changeBench(500);
    await cluster.waitUntilArchived(await cluster.switchWal());
    await cluster.query("CHECKPOINT");
    if (round > 3 && !existsSync(join(cluster.dataDir, "pg_wal", segment))) return;
  }
  throw new Error(`${segment} was never removed`);
}

/** Alpha goes on after beta, its copy, was promoted; both archive, both are stopped. */
async function diverge() {
  const site = await BackupSite.create({ version: VERSION, rows: 2000, settings: SMALL_WAL });
  const alpha = site.cluster;
  await site.archiveAll();
  await alpha.stop();
  const dataDir = join(site.scratch.path, "beta");
  cpSync(alpha.dataDir, dataDir, { recursive: true, verbatimSymlinks: true });
  writeFileSync(join(dataDir, "standby.signal"), "");
  const restoreCommand = `restore_command = '${binaryPath()} wal-fetch %f %p'\n`;
  appendFileSync(join(dataDir, "postgresql.auto.conf"), restoreCommand);
  const env = site.environment();
  const beta = await adoptDirectory({ dataDir, version: VERSION, env });
  const forked = segmentsIn(dataDir).sort().at(-1) ?? "";
  await beta.start();
  await beta.query("SELECT pg_promote()");
  await beta.waitUntilPromoted();
  await beta.changeBench(500);
  await beta.query("CHECKPOINT");
  await alpha.start();
  await writeUntilRemoved(alpha, forked);
  await alpha.stop();
  return {
    site,
    alpha,
    beta,
    async [Symbol.asyncDispose]() {
      await beta[Symbol.asyncDispose]();
      await site[Symbol.asyncDispose]();
    },
  };
}

test("pg_rewind fails, works after wal-restore, and the server follows", async () => {
  await using scene = await diverge();
  const { site, alpha, beta } = scene;
  const truth = await site.digest(beta);
  await beta.stop();
  const before = await rewind(alpha.dataDir, beta.dataDir);
  expect(before.exitCode).not.toBe(0);
  expect(before.stderr).toMatch(/could not (open file|find previous WAL record)/);
  const kept = new Map(
    segmentsIn(alpha.dataDir).map((name) => [
      name,
      Bun.hash(readFileSync(join(alpha.dataDir, "pg_wal", name))),
    ]),
  );

  // One of the segments is nowhere: the others come, and the error names it.
  const archive = join(site.repoDir, "wal_005");
  const [lost = ""] = readdirSync(archive)
    .filter(
      (name) =>
        name.startsWith("00000001") &&
        !existsSync(join(alpha.dataDir, "pg_wal", name.slice(0, 24))),
    )
    .sort()
    .slice(-2);
  renameSync(join(archive, lost), join(site.repoDir, lost));
  const incomplete = await site.run(["wal-restore", alpha.dataDir, beta.dataDir]);
  expect(incomplete.exitCode).toBe(74);
  expect(incomplete.stderr).toContain(`neither pg_wal nor the archive has ${lost.slice(0, 24)}`);
  renameSync(join(site.repoDir, lost), join(archive, lost));

  const restored = await site.run(["wal-restore", alpha.dataDir, beta.dataDir]);
  expect(restored).toMatchObject({ exitCode: 0 });
  expect(restored.stderr).toContain(`Successfully restored WAL file ${lost.slice(0, 24)}`);
  for (const [name, hash] of kept) {
    expect(Bun.hash(readFileSync(join(alpha.dataDir, "pg_wal", name)))).toBe(hash);
  }
  expect(
    readdirSync(join(alpha.dataDir, "pg_wal")).filter((name) => name.includes(".tmp.")),
  ).toEqual([]);
  const again = await site.run(["wal-restore", alpha.dataDir, beta.dataDir]);
  expect(again).toMatchObject({ exitCode: 0 });
  expect(again.stderr).toContain("No WAL files to restore");

  expect(await rewind(alpha.dataDir, beta.dataDir)).toMatchObject({ exitCode: 0 });
  await beta.start();
  const conninfo = `primary_conninfo = 'host=${beta.socketDir} port=${beta.port} user=u'\n`;
  appendFileSync(join(alpha.dataDir, "postgresql.auto.conf"), conninfo);
  writeFileSync(join(alpha.dataDir, "standby.signal"), "");
  await using follower = await adoptDirectory({
    dataDir: alpha.dataDir,
    version: VERSION,
    env: site.environment(),
  });
  await follower.start();
  await beta.changeBench(100);
  const now = await site.digest(beta);
  expect(now).not.toBe(truth);
  await follower.waitUntil("it has all", async () => (await site.digest(follower)) === now);
});

test("a stopped source gets the WAL that the rewound server replays", async () => {
  await using scene = await diverge();
  const { site, alpha, beta } = scene;
  const [first = ""] = segmentsIn(beta.dataDir)
    .filter((name) => name.startsWith("00000002"))
    .sort();
  await writeUntilRemoved(beta, first);
  const running = await site.run(["wal-restore", alpha.dataDir, beta.dataDir]);
  expect(running).toMatchObject({ exitCode: 0 });
  expect(running.stderr).toContain("nothing is added to its pg_wal");
  expect(existsSync(join(beta.dataDir, "pg_wal", first))).toBe(false);
  const truth = await site.digest(beta);
  await beta.stop();
  const stopped = await site.run(["wal-restore", alpha.dataDir, beta.dataDir]);
  expect(stopped).toMatchObject({ exitCode: 0 });
  expect(existsSync(join(beta.dataDir, "pg_wal", first))).toBe(true);
  expect(await rewind(alpha.dataDir, beta.dataDir)).toMatchObject({ exitCode: 0 });
  // Without any archive: pg_rewind has copied all of it.
  rmSync(join(site.repoDir, "wal_005"), { recursive: true });
  writeFileSync(join(alpha.dataDir, "standby.signal"), "");
  await using follower = await adoptDirectory({ dataDir: alpha.dataDir, version: VERSION });
  await follower.start();
  await follower.waitUntil("it has all", async () => (await site.digest(follower)) === truth);
});

test("refuses a running target, clusters on one timeline, and those of two systems", async () => {
  await using one = await BackupSite.create({ version: VERSION });
  await using other = await BackupSite.create({ version: VERSION, isStarted: false });
  const strange = await one.run(["wal-restore", one.cluster.dataDir, other.cluster.dataDir]);
  expect(strange.exitCode).toBe(40);
  expect(strange.stderr).toContain(
    "System identifiers of target and source clusters are not equal",
  );
  const copy = join(one.scratch.path, "copy");
  await one.cluster.stop();
  cpSync(one.cluster.dataDir, copy, { recursive: true, verbatimSymlinks: true });
  giveTreeToServers(copy);
  const equal = await one.run(["wal-restore", one.cluster.dataDir, copy], { name: "wal-g" });
  expect(equal.exitCode).toBe(1);
  expect(equal.stderr).toContain(
    "Latest checkpoint timelines of target and source clusters are equal",
  );
  const nothing = await one.run(["wal-restore", one.cluster.dataDir, one.scratch.path]);
  expect(nothing.exitCode).toBe(45);
  writeFileSync(join(copy, "standby.signal"), "");
  await using promoted = await adoptDirectory({ dataDir: copy, version: VERSION });
  await promoted.start();
  await promoted.query("SELECT pg_promote()");
  await promoted.waitUntilPromoted();
  await one.cluster.start();
  const running = await one.run(["wal-restore", one.cluster.dataDir, copy]);
  expect(running.exitCode).toBe(40);
  expect(running.stderr).toContain("a server runs in the target");
});
