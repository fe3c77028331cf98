// The exit codes of wal-fetch as a real server takes them: a failing storage in archive recovery
// keeps the server from starting instead of promoting it early, a standby asks again and goes on
// when the storage is back, and a hole is no end of the archive.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { adoptDirectory, startCluster } from "../support/postgres-cluster.ts";
import type { PostgresVersion } from "../support/postgres-install.ts";
import { binaryPath, giveTreeToServers, makeScratch } from "../support/scratch.ts";

interface Scene extends Disposable {
  readonly copy: string;
  readonly repository: string;
  readonly env: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, string>>;
}

/** A base copy, an archive of several segments after it, and the commands that use it. */
async function prepare(version: PostgresVersion, name: string): Promise<Scene> {
  const scratch = makeScratch(`wal-rec-${version}`);
  const repository = join(scratch.path, "repo");
  mkdirSync(repository);
  giveTreeToServers(scratch.path);
  const copy = join(scratch.path, "copy");
  const env = { WALG_FILE_PREFIX: repository, TIDEMARK_FETCH_RETRY_BUDGET: "0s" };
  const tool = binaryPath(name);
  await using primary = await startCluster({
    version,
    walSegmentMiB: 1,
    archive: { command: `${tool} wal-push %p` },
    env,
  });
  await primary.query("CREATE TABLE t (a int, b text)");
  await primary.query("CHECKPOINT");
  await primary.stop();
  cpSync(primary.dataDir, copy, { recursive: true, verbatimSymlinks: true });
  for (const file of readdirSync(join(copy, "pg_wal"))) {
    if (/^[0-9A-F]{24}$/.test(file)) rmSync(join(copy, "pg_wal", file));
  }
  await primary.start();
  for (let round = 0; round < 3; round += 1) {
    await primary.query("INSERT INTO t SELECT i, repeat('x', 200) FROM generate_series(1, 3000) i");
    await primary.waitUntilArchived(await primary.switchWal());
  }
  const settings = { restore_command: `${tool} wal-fetch %f %p`, archive_mode: "off" };
  return { copy, repository, env, settings, [Symbol.dispose]: () => scratch[Symbol.dispose]() };
}

test.each([
  ["13", "tidemark"],
  ["17", "wal-g"],
] as const)("version %s: a failing storage in recovery (%s) is fatal", async (version, name) => {
  using scene = await prepare(version, name);
  writeFileSync(join(scene.copy, "recovery.signal"), "");
  const away = `${scene.repository}-away`;
  renameSync(scene.repository, away);
  await using server = await adoptDirectory({
    dataDir: scene.copy,
    version,
    settings: scene.settings,
    env: scene.env,
  });
  server.launch();
  expect(await server.exited).not.toBe(0);
  expect(server.logText()).toMatch(
    /FATAL:.*could not restore file|child process exited with exit code 200/,
  );
  expect(existsSync(join(scene.copy, "recovery.signal"))).toBe(true);
  // The storage is back: the same directory recovers, with nothing lost.
  renameSync(away, scene.repository);
  await server.start();
  await server.waitUntilPromoted();
  expect(await server.value("SELECT count(*) FROM t")).toBe("9000");
});

test("a hole in the archive is fatal in recovery, and no end of it", async () => {
  using scene = await prepare("18", "tidemark");
  writeFileSync(join(scene.copy, "recovery.signal"), "");
  const wal = join(scene.repository, "wal_005");
  const segments = readdirSync(wal).filter((name) => /^[0-9A-F]{24}\.zst$/.test(name));
  const missing = segments.sort().at(-2) ?? "";
  renameSync(join(wal, missing), join(scene.repository, missing));
  await using server = await adoptDirectory({
    dataDir: scene.copy,
    version: "18",
    settings: scene.settings,
    env: scene.env,
  });
  server.launch();
  expect(await server.exited).not.toBe(0);
  expect(server.logText()).toContain("is missing in the archive");
  renameSync(join(scene.repository, missing), join(wal, missing));
  await server.start();
  await server.waitUntilPromoted();
  expect(await server.value("SELECT count(*) FROM t")).toBe("9000");
});

test.each(["tidemark", "wal-g"])("a standby (%s) outlives a failing storage", async (name) => {
  using scene = await prepare("15", name);
  writeFileSync(join(scene.copy, "standby.signal"), "");
  const wal = join(scene.repository, "wal_005");
  const segments = readdirSync(wal).filter((file) => /^[0-9A-F]{24}\./.test(file));
  const last = segments.sort().at(-1) ?? "";
  const away = `${scene.repository}-away`;
  renameSync(join(wal, last), join(scene.repository, last));
  await using server = await adoptDirectory({
    dataDir: scene.copy,
    version: "15",
    settings: { ...scene.settings, hot_standby: "on", wal_retrieve_retry_interval: "200ms" },
    env: scene.env,
  });
  await server.start();
  renameSync(scene.repository, away);
  await Bun.sleep(1500);
  expect(server.isRunning).toBe(true);
  expect(await server.value("SELECT pg_is_in_recovery()")).toBe("t");
  renameSync(away, scene.repository);
  renameSync(join(scene.repository, last), join(wal, last));
  await server.waitUntil(
    "the standby has everything",
    async () => (await server.value("SELECT count(*) FROM t")) === "9000",
  );
});
