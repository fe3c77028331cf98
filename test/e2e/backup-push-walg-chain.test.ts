// Chains that WAL-G began go on with the compiled binary: restored, promoted, and backed up as
// deltas on WAL-G's own; what comes back from the mixed chain is the server's, page for page.
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { copyFixture } from "../support/fixture.ts";
import { adoptDirectory } from "../support/postgres-cluster.ts";
import { differingPages } from "../support/relation-files.ts";
import { describeRun } from "../support/run-as.ts";
import { runBinary } from "../support/run-binary.ts";
import { binaryPath, makeScratch } from "../support/scratch.ts";

test.each([
  ["pg15-delta-chain", "15"],
  ["pg17-zstd-delta", "17"],
] as const)("%s", async (title, version) => {
  using scratch = makeScratch("walg-chain");
  const fixture = copyFixture(title, scratch.path);
  const env = {
    ...fixture.settings,
    WALG_FILE_PREFIX: fixture.repository,
    WALG_DELTA_MAX_STEPS: "9",
    WALG_DISABLE_PARTIAL_RESTORE: "true",
  };
  const run = async (args: readonly string[], change: Readonly<Record<string, string>> = {}) => {
    const result = await runBinary(args, { env: { ...env, ...change }, isServer: true });
    if (result.exitCode !== 0) throw new Error(describeRun(args, result));
    return result.stderr;
  };
  const dataDir = join(scratch.path, "data");
  await run(["backup-fetch", dataDir, "LATEST"]);
  appendFileSync(
    join(dataDir, "postgresql.auto.conf"),
    `restore_command = '${binaryPath()} wal-fetch %f %p'\n`,
  );
  writeFileSync(join(dataDir, "recovery.signal"), "");
  await using cluster = await adoptDirectory({
    dataDir,
    version,
    env,
    settings: {
      archive_mode: "on",
      archive_command: `${binaryPath()} wal-push %p`,
      autovacuum: false,
      checkpoint_timeout: "1h",
      bgwriter_lru_maxpages: 0,
    },
  });
  await cluster.start();
  // The clusters of the fixtures have no other database.
  const database = "template1";
  const connection = await cluster.connect({ database });
  const query = (sql: string) => connection.query(sql, { signal: AbortSignal.timeout(60_000) });
  await cluster.waitUntil("the server is promoted", async () => {
    return (await query("SELECT pg_is_in_recovery()")).rows[0]?.[0] === "f";
  });
  await query("CREATE TABLE more AS SELECT i, repeat('m', 99) FROM generate_series(1, 20000) i");

  const push = async () => {
    await query("CHECKPOINT");
    const log = await run(["backup-push", dataDir], {
      ...cluster.clientEnvironment,
      PGDATABASE: database,
    });
    const name = /Wrote backup with name (\S+)/.exec(log)?.[1] ?? "";
    const folder = join(fixture.repository, "basebackups_005");
    return {
      name,
      sentinel: JSON.parse(readFileSync(join(folder, `${name}_backup_stop_sentinel.json`), "utf8")),
      files: readFileSync(join(folder, name, "files_metadata.json"), "utf8"),
    };
  };
  const walg = fixture.backups.at(-1)?.name ?? "";
  const first = await push();
  expect(first.name).toMatch(new RegExp(`^base_00000002[0-9A-F]{16}_D_${walg.slice(5, 29)}$`));
  expect(first.sentinel).toMatchObject({
    DeltaFrom: walg,
    DeltaFullName: fixture.backups[0]?.name,
    DeltaCount: fixture.backups.length,
  });
  // The restore made all files anew.
  expect(first.files).not.toContain('"IsIncremented":true');

  await query("UPDATE more SET repeat = 'n' WHERE i % 5000 = 0");
  const second = await push();
  expect(second.name).toContain(`_D_${first.name.slice(5, 29)}`);
  expect(second.files).toContain('"IsIncremented":true');
  const target = join(scratch.path, "restored");
  await run(["backup-fetch", target, second.name]);
  expect(differingPages(dataDir, target)).toEqual([]);
  await connection.close();
});
