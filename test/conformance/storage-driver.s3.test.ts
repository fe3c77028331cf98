// Proves that a bucket of a real S3 server (MinIO) keeps the guarantees of StorageDriver, by our
// own signer and by the SDK, over HTTP and over HTTPS with an authority of our own.
import { ByteBudget } from "../../src/base/byte-budget.ts";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import { openS3Storage } from "../../src/storage/s3/open.ts";
import { readS3Settings } from "../../src/storage/s3/settings.ts";
import { mapSettings } from "../support/map-settings.ts";
import {
  createBucket,
  MINIO_HOOK_TIMEOUT_MS,
  type MinioOptions,
  startMinio,
} from "../support/minio.ts";
import { quickPolicy } from "../support/retry-policy.ts";
import type { OpenedStorage } from "./storage-driver.calls.ts";
import { testStorageDriver } from "./storage-driver.suite.ts";

const MIB = 1024 * 1024;

async function open(
  path: "direct" | "sdk",
  options: MinioOptions & { readonly settings?: Readonly<Record<string, string>> },
): Promise<OpenedStorage> {
  const minio = await startMinio(options);
  await createBucket(minio, "suite");
  const settings = mapSettings({
    S3_PREFIX: "s3://suite/some/folder",
    AWS_ENDPOINT: minio.endpoint,
    AWS_ACCESS_KEY_ID: minio.accessKey,
    AWS_SECRET_ACCESS_KEY: minio.secretKey,
    S3_MAX_PART_SIZE: String(5 * MIB),
    ...(minio.caFile === undefined ? {} : { S3_CA_CERT_FILE: minio.caFile }),
    ...options.settings,
  });
  const driver = await openS3Storage(readS3Settings(settings, ""), {
    budget: new ByteBudget(32 * MIB),
    log: SILENT_LOGGER,
    clock: SYSTEM_CLOCK,
    policy: quickPolicy(3),
    idleTimeoutMs: 60_000,
    path,
  });
  return { driver, close: () => minio.stop() };
}

const COMMON = {
  multipartBytes: 6 * MIB,
  listingCount: 1100,
  openTimeoutMs: MINIO_HOOK_TIMEOUT_MS,
};

testStorageDriver({ name: "s3, own signer", open: () => open("direct", {}), ...COMMON });
testStorageDriver({ name: "s3, SDK", open: () => open("sdk", {}), ...COMMON });
testStorageDriver({
  name: "s3, own signer, HTTPS, SSE-C, listing version 1",
  open: () =>
    open("direct", {
      isTls: true,
      settings: {
        S3_SSE_C: Buffer.alloc(32, 7).toString("base64"),
        S3_USE_LIST_OBJECTS_V1: "true",
      },
    }),
  ...COMMON,
});
testStorageDriver({
  name: "s3, SDK, HTTPS, SSE-C",
  open: () =>
    open("sdk", { isTls: true, settings: { S3_SSE_C: Buffer.alloc(32, 7).toString("base64") } }),
  ...COMMON,
});
