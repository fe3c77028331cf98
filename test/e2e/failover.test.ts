// Proves failover storages by a real server: its primary storage, a MinIO, goes away in the middle,
// WAL and backups go to a directory meanwhile, nothing is called absent that may lie in the storage
// that is away, and in the end one restore takes what it needs from both.
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { createBucket, MINIO_HOOK_TIMEOUT_MS, type Minio, startMinio } from "../support/minio.ts";
import { giveToServers, makeScratch } from "../support/scratch.ts";
import { startTcpFaultProxy } from "../support/tcp-fault-proxy.ts";

let minio: Minio;
beforeAll(async () => {
  minio = await startMinio();
}, MINIO_HOOK_TIMEOUT_MS);
afterAll(() => minio.stop());

test("an archive outlives its primary storage, and a restore takes from both", async () => {
  using scratch = makeScratch("failover");
  const folder = (name: string) => {
    const path = join(scratch.path, name);
    mkdirSync(path);
    giveToServers(path);
    return path;
  };
  const second = folder("second");
  const home = folder("home");
  await createBucket(minio, "failover");
  await using proxy = await startTcpFaultProxy(Number(new URL(minio.endpoint).port));
  const repository = {
    WALG_S3_PREFIX: "s3://failover/cluster",
    AWS_ENDPOINT: `http://127.0.0.1:${proxy.port}`,
    AWS_ACCESS_KEY_ID: minio.accessKey,
    AWS_SECRET_ACCESS_KEY: minio.secretKey,
    AWS_REGION: "us-east-1",
    AWS_S3_FORCE_PATH_STYLE: "true",
    WALG_FAILOVER_STORAGES: JSON.stringify({ Second: { WALG_FILE_PREFIX: second } }),
    WALG_FAILOVER_STORAGES_CHECK_TIMEOUT: "5s",
    TIDEMARK_FAILOVER_STORAGES_CACHE_DIR: home,
    TIDEMARK_FETCH_RETRY_BUDGET: "1s",
  };
  await using site = await BackupSite.create({ version: "17", rows: 2000, repository });
  const stored = () => readdirSync(second, { recursive: true }).map(String);

  const full = await site.mustPush();
  expect(full.log).toContain("Backup will be pushed to storage: default");
  await site.cluster.changeBench(300);
  await site.archiveAll();
  expect(stored()).toEqual([]);

  proxy.arm({ kind: "refuse", times: Number.POSITIVE_INFINITY });
  proxy.resetAll();
  await site.cluster.changeBench(300);
  await site.archiveAll();
  expect(stored().filter((key) => /^wal_005\/[0-9A-F]{24}/.test(key)).length).toBeGreaterThan(0);
  const meanwhile = await site.mustPush();
  expect(meanwhile.log).toContain("Backup will be pushed to storage: second");
  await site.cluster.changeBench(300);
  await site.archiveAll();

  const list = await site.run(["backup-list"]);
  expect([list.exitCode, list.stdout]).toEqual([20, expect.stringContaining(meanwhile.name)]);
  expect(list.stderr).toContain("storage default cannot be asked for backups");
  const target = join(scratch.path, "latest");
  const latest = await site.run(["backup-fetch", target, "LATEST"]);
  expect(latest.exitCode).toBe(20);
  expect(latest.stderr).toContain("--target-storage=second leaves it out");
  const absent = "0000000100000000000000FF";
  const fetch = await site.run(["wal-fetch", absent, join(home, "segment")]);
  expect(fetch.exitCode).toBe(20);
  const [here = ""] = stored().filter((key) => /^wal_005\/[0-9A-F]{24}\.\w+$/.test(key));
  const present = here.slice("wal_005/".length, "wal_005/".length + 24);
  const found = await site.run(["wal-fetch", present, join(home, "segment")]);
  expect([found.exitCode, found.stderr]).toEqual([0, expect.any(String)]);
  const named = await site.fetch(meanwhile.name);
  expect(readdirSync(named)).toContain("PG_VERSION");

  proxy.arm();
  const digest = await site.digest();
  const both = await site.run(["backup-list"]);
  expect(both.exitCode).toBe(0);
  const places = both.stdout
    .trim()
    .split("\n")
    .map((line) => line.split(/ +/));
  expect(places.slice(1).map(([name, , , storage]) => [name, storage])).toEqual([
    [full.name, "default"],
    [meanwhile.name, "second"],
  ]);
  const gone = await site.run(["wal-fetch", absent, join(home, "absent")]);
  expect(gone.exitCode).toBe(74);
  await using restored = await site.restore(full.name);
  expect(await site.digest(restored)).toBe(digest);
}, 180_000);
