// Backups to a real S3 service (MinIO) with the compiled binary: many parts at once, a budget of
// buffers that is nearly nothing, and what is restored from there has every row.
import { afterAll, beforeAll, expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { createBucket, MINIO_HOOK_TIMEOUT_MS, type Minio, startMinio } from "../support/minio.ts";

let minio: Minio;
let site: BackupSite;

beforeAll(async () => {
  minio = await startMinio();
  await createBucket(minio, "backups");
  site = await BackupSite.create({
    version: "17",
    rows: 30_000,
    repository: {
      WALG_S3_PREFIX: "s3://backups/db",
      AWS_ENDPOINT: minio.endpoint,
      AWS_ACCESS_KEY_ID: minio.accessKey,
      AWS_SECRET_ACCESS_KEY: minio.secretKey,
      AWS_S3_FORCE_PATH_STYLE: "true",
      AWS_REGION: "us-east-1",
    },
  });
}, MINIO_HOOK_TIMEOUT_MS);
afterAll(async () => {
  await site[Symbol.asyncDispose]();
  await minio.stop();
});

test("a directory and a stream, in parts of more than one request, come back", async () => {
  const settings = {
    WALG_COMPRESSION_METHOD: "none",
    WALG_TAR_SIZE_THRESHOLD: "9000000",
    WALG_UPLOAD_DISK_CONCURRENCY: "3",
  };
  for (const directory of [site.cluster.dataDir, null]) {
    const { name } = await site.underLoad(() => site.mustPush([], { settings, directory }));
    await site.archiveAll();
    const listed = await site.run(["backup-list"]);
    expect(listed.stdout).toContain(name);
    await using restored = await site.restore(name);
    expect(await site.digest(restored)).toBe(await site.digest());
  }
});

test("the least budget is enough: receipts and parts do not wait for each other", async () => {
  const settings = { TIDEMARK_BUFFER_BUDGET: "16777216", WALG_UPLOAD_DISK_CONCURRENCY: "4" };
  for (const directory of [site.cluster.dataDir, null]) {
    const { name } = await site.mustPush([], { settings, directory });
    await site.fetch(name);
  }
  const less = await site.push([], { settings: { TIDEMARK_BUFFER_BUDGET: "16777215" } });
  expect(less.exitCode).toBe(10);
});

test("a bucket that is not there is told before the server is asked for anything", async () => {
  const result = await site.push([], { settings: { WALG_S3_PREFIX: "s3://nowhere/db" } });
  expect(result.exitCode).toBeGreaterThan(0);
  expect(result.stderr).toContain("s3://nowhere/db");
  await site.waitUntilIdle();
});
