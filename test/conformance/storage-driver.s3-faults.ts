// What the tests of S3 faults share: a bucket of MinIO behind a proxy that spoils requests.
import { ByteBudget } from "../../src/base/byte-budget.ts";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { openS3Storage } from "../../src/storage/s3/open.ts";
import { readS3Settings } from "../../src/storage/s3/settings.ts";
import { retrying } from "../../src/storage/wrap/retrying.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import { mapSettings } from "../support/map-settings.ts";
import { createBucket, type Minio, startMinio } from "../support/minio.ts";
import { quickPolicy, type RecordingPolicy } from "../support/retry-policy.ts";

export const MIB = 1024 * 1024;
export const ATTEMPTS_MAX = 4;
export const IDLE_TIMEOUT_MS = 700;

export interface FaultyStorage {
  readonly driver: StorageDriver;
  readonly policy: RecordingPolicy;
}

export interface FaultyServer {
  readonly minio: Minio;
  readonly proxy: FaultProxy;
  open(
    path: "direct" | "sdk",
    settings?: Readonly<Record<string, string>>,
    beforeRetry?: () => Promise<unknown>,
  ): Promise<FaultyStorage>;
  stop(): Promise<void>;
}

export async function startFaultyServer(): Promise<FaultyServer> {
  const minio = await startMinio();
  await createBucket(minio, "faults");
  const proxy = await startFaultProxy(minio.endpoint);
  return {
    minio,
    proxy,
    async open(path, settings = {}, beforeRetry) {
      const policy = quickPolicy(ATTEMPTS_MAX, beforeRetry);
      const reader = mapSettings({
        S3_PREFIX: "s3://faults/repository",
        AWS_ENDPOINT: proxy.url,
        AWS_ACCESS_KEY_ID: minio.accessKey,
        AWS_SECRET_ACCESS_KEY: minio.secretKey,
        S3_MAX_PART_SIZE: String(5 * MIB),
        ...settings,
      });
      const driver = await openS3Storage(readS3Settings(reader, ""), {
        budget: new ByteBudget(32 * MIB),
        log: SILENT_LOGGER,
        clock: SYSTEM_CLOCK,
        policy,
        path,
        idleTimeoutMs: IDLE_TIMEOUT_MS,
      });
      return { driver: retrying(driver, policy), policy };
    },
    async stop() {
      await proxy.stop();
      await minio.stop();
    },
  };
}

/** The service's error document. */
export function errorBody(code: string, message = "as the test wants it"): string {
  const error = `<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return `<?xml version="1.0" encoding="UTF-8"?>${error}`;
}
