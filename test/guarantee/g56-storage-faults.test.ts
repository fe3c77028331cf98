// Storage faults between the compiled binary and a real S3 service, made by a proxy in the path:
// passing ones are asked again and nothing is lost; a body that stays short is refused. Pages of
// listings and partial deletes are in the drivers' conformance.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Fault, type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { goldenSegment } from "../support/golden-wal.ts";
import { createBucket, MINIO_HOOK_TIMEOUT_MS, type Minio, startMinio } from "../support/minio.ts";
import { WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(17, "middle");
let minio: Minio;
let proxy: FaultProxy;

beforeAll(async () => {
  minio = await startMinio();
  await createBucket(minio, "wal");
  proxy = await startFaultProxy(minio.endpoint);
}, MINIO_HOOK_TIMEOUT_MS);
afterAll(async () => {
  await proxy?.stop();
  await minio?.stop();
});

function s3(prefix: string) {
  return {
    settings: {
      WALG_FILE_PREFIX: "",
      WALG_S3_PREFIX: `s3://wal/${prefix}`,
      AWS_ENDPOINT: proxy.url,
      AWS_ACCESS_KEY_ID: minio.accessKey,
      AWS_SECRET_ACCESS_KEY: minio.secretKey,
      AWS_S3_FORCE_PATH_STYLE: "true",
      AWS_REGION: "us-east-1",
      TIDEMARK_FETCH_RETRY_BUDGET: "10s",
      WALG_S3_MIN_THROTTLING_RETRY_DELAY: "20",
      WALG_S3_MAX_THROTTLING_RETRY_DELAY: "200",
    },
  };
}

function answer(status: number, headers: Readonly<Record<string, string>> = {}): Fault {
  return { kind: "answer", status, headers };
}

function makeArchive(): WalArchive {
  const archive = new WalArchive("g56");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  return archive;
}

test.each<readonly [string, Fault]>([
  ["500", answer(500)],
  ["503", answer(503)],
  ["408", answer(408)],
  ["429 with Retry-After", answer(429, { "Retry-After": "0" })],
  ["a reset connection", { kind: "reset" }],
  ["a reset after the service took it", { kind: "reset", isForwarded: true }],
  ["a reset amid the body", { kind: "reset-request", afterBytes: 1000 }],
])("G56 a push goes on after %s, and what it stored comes back", async (name, fault) => {
  using archive = makeArchive();
  const run = s3(`push-${name.replaceAll(" ", "-")}`);
  proxy.arm({ method: "PUT", times: 2, fault });
  expect(await archive.push(golden.name, run)).toMatchObject({ exitCode: 0 });
  expect(proxy.seen.filter(({ fault: hit }) => hit !== undefined)).not.toHaveLength(0);
  proxy.arm();
  expect((await archive.fetch(golden.name, run)).exitCode).toBe(0);
  expect(archive.takeFetched()?.equals(golden.bytes)).toBe(true);
});

test.each<readonly [string, Fault]>([
  ["503", answer(503)],
  ["a reset in the body", { kind: "reset-body", afterBytes: 1000 }],
  ["a body cut short", { kind: "cut-body", afterBytes: 1000 }],
])("G56 a fetch goes on after %s, and gets every byte", async (name, fault) => {
  using archive = makeArchive();
  const run = s3(`fetch-${name.replaceAll(" ", "-")}`);
  proxy.arm();
  expect(await archive.push(golden.name, run)).toMatchObject({ exitCode: 0 });
  proxy.arm({ method: "GET", url: new RegExp(golden.name), times: 1, fault });
  expect(await archive.fetch(golden.name, run)).toMatchObject({ exitCode: 0 });
  expect(archive.takeFetched()?.equals(golden.bytes)).toBe(true);
});

test.each<readonly [string, Fault]>([
  ["less than was stored, and says so", { kind: "shorten", keptShare: 0.5 }],
  ["less than it says", { kind: "overstate", extraBytes: 1000 }],
])("G56 of an answer that holds %s nothing but the whole appears", async (name, fault) => {
  using archive = makeArchive();
  const run = s3(`length-${name.replaceAll(/\W/g, "-")}`);
  proxy.arm();
  expect(await archive.push(golden.name, run)).toMatchObject({ exitCode: 0 });
  proxy.arm({ method: "GET", url: new RegExp(`${golden.name}\\.`), times: 1, fault });
  const first = await archive.fetch(golden.name, run);
  expect(proxy.seen.some(({ fault: hit }) => hit === fault.kind)).toBe(true);
  if (first.exitCode !== 0) {
    expect([20, 30]).toContain(first.exitCode);
    expect(archive.takeFetched()).toBeUndefined();
    expect(await archive.fetch(golden.name, run)).toMatchObject({ exitCode: 0 });
  }
  expect(archive.takeFetched()?.equals(golden.bytes)).toBe(true);
});

test("G56 a body that stays short is an error, and no file appears", async () => {
  using archive = makeArchive();
  const run = s3("always-short");
  proxy.arm();
  expect(await archive.push(golden.name, run)).toMatchObject({ exitCode: 0 });
  const fault: Fault = { kind: "cut-body", afterBytes: 10 };
  proxy.arm({ method: "GET", url: new RegExp(`${golden.name}\\.`), times: 1000, fault });
  const settings = { ...run.settings, TIDEMARK_FETCH_RETRY_BUDGET: "2s" };
  const failed = await archive.fetch(golden.name, { settings });
  expect([20, 30]).toContain(failed.exitCode);
  expect(archive.takeFetched()).toBeUndefined();
});
