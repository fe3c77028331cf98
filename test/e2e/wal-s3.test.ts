// WAL to a real S3 service (MinIO) with the compiled binary: pushed, fetched and read ahead; of two
// pushers with different content one wins; a wrong bucket, wrong credentials and a service that is
// gone are failures and never "not there".
import { afterAll, beforeAll, expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { createBucket, MINIO_HOOK_TIMEOUT_MS, type Minio, startMinio } from "../support/minio.ts";
import { otherHistory, WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(17, "middle");
const next = goldenSegment(17, "switched");
let minio: Minio;

beforeAll(async () => {
  minio = await startMinio();
  await createBucket(minio, "wal");
}, MINIO_HOOK_TIMEOUT_MS);
afterAll(() => minio.stop());

function s3(prefix: string, change: Readonly<Record<string, string>> = {}) {
  return {
    settings: {
      WALG_FILE_PREFIX: "",
      WALG_S3_PREFIX: `s3://wal/${prefix}`,
      AWS_ENDPOINT: minio.endpoint,
      AWS_ACCESS_KEY_ID: minio.accessKey,
      AWS_SECRET_ACCESS_KEY: minio.secretKey,
      AWS_S3_FORCE_PATH_STYLE: "true",
      AWS_REGION: "us-east-1",
      ...change,
    },
  };
}

function makeArchive(): WalArchive {
  const archive = new WalArchive("wal-s3");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  archive.ready(next.name, next.bytes);
  return archive;
}

test("what is pushed comes back, and nothing else is there", async () => {
  using archive = makeArchive();
  expect(await archive.push(golden.name, s3("round"))).toMatchObject({ exitCode: 0 });
  const marked = await archive.push(next.name, s3("round"));
  expect(marked.exitCode).toBe(0);
  const again = await archive.push(golden.name, s3("round"));
  expect(again.stderr).toContain("already archived with equal content");
  for (const segment of [golden, next]) {
    expect((await archive.fetch(segment.name, s3("round"))).exitCode).toBe(0);
    expect(archive.takeFetched()?.equals(segment.bytes)).toBe(true);
  }
  expect((await archive.fetch("00000002.history", s3("round"))).exitCode).toBe(74);
  const hole = await archive.fetch("000000010000000000000005", s3("round"));
  expect(hole.exitCode).toBe(43);
});

test("of two pushers with different content one wins and the other is told", async () => {
  using one = makeArchive();
  using other = makeArchive();
  other.ready(golden.name, otherHistory(golden).bytes);
  for (let round = 0; round < 3; round += 1) {
    const run = s3(`race-${round}`, { TOTAL_BG_UPLOADED_LIMIT: "1" });
    const results = await Promise.all([one.push(golden.name, run), other.push(golden.name, run)]);
    expect(results.map(({ exitCode }) => exitCode).sort()).toEqual([0, 23]);
    const winner = results[0]?.exitCode === 0 ? golden : otherHistory(golden);
    expect((await one.fetch(golden.name, run)).exitCode).toBe(0);
    expect(one.takeFetched()?.equals(winner.bytes)).toBe(true);
  }
});

test.each([
  ["a wrong bucket", () => ({ WALG_S3_PREFIX: "s3://absent/x" })],
  ["wrong credentials", () => ({ AWS_SECRET_ACCESS_KEY: "wrong" })],
  ["a service that is gone", () => ({ AWS_ENDPOINT: "http://127.0.0.1:9" })],
])("%s is a failure, fatal in recovery", async (_, change) => {
  using archive = makeArchive();
  const run = s3("failing", { ...change(), WALG_S3_MAX_RETRIES: "1" });
  const ordinary = await archive.fetch(golden.name, run);
  expect([20, 21]).toContain(ordinary.exitCode);
  archive.write("recovery.signal", "");
  expect((await archive.fetch(golden.name, run)).exitCode).toBe(200);
  expect(archive.takeFetched()).toBeUndefined();
  expect([20, 21]).toContain((await archive.push(golden.name, run)).exitCode);
});
