// Proves that a bucket of Google Cloud Storage's interface (fake-gcs-server) keeps the guarantees
// of StorageDriver, plain and with a customer's key.
import { ByteBudget } from "../../src/base/byte-budget.ts";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import { openGcsStorage } from "../../src/storage/gcs/open.ts";
import { readGcsSettings } from "../../src/storage/gcs/settings.ts";
import { GCS_HOOK_TIMEOUT_MS, startGcsServer } from "../support/gcs-server.ts";
import { mapSettings } from "../support/map-settings.ts";
import { quickPolicy } from "../support/retry-policy.ts";
import type { OpenedStorage } from "./storage-driver.calls.ts";
import { testStorageDriver } from "./storage-driver.suite.ts";

const MIB = 1024 * 1024;

async function open(settings: Readonly<Record<string, string>>): Promise<OpenedStorage> {
  const server = await startGcsServer("suite");
  const values = mapSettings({
    GS_PREFIX: "gs://suite/some/folder",
    STORAGE_EMULATOR_HOST: server.endpoint,
    GCS_MAX_CHUNK_SIZE: String(2 * MIB),
    ...settings,
  });
  const driver = await openGcsStorage(readGcsSettings(values, ""), {
    budget: new ByteBudget(32 * MIB),
    log: SILENT_LOGGER,
    clock: SYSTEM_CLOCK,
    policy: quickPolicy(3),
    idleTimeoutMs: 60_000,
  });
  return { driver, close: () => server.stop() };
}

const COMMON = {
  multipartBytes: 5 * MIB,
  listingCount: 1100,
  openTimeoutMs: GCS_HOOK_TIMEOUT_MS,
};

testStorageDriver({ name: "gcs", open: () => open({}), ...COMMON });
testStorageDriver({
  name: "gcs, customer's key, path with a leading slash",
  open: () =>
    open({
      GS_PREFIX: "gs://suite//some/folder",
      GCS_NORMALIZE_PREFIX: "false",
      GCS_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
    }),
  ...COMMON,
});
