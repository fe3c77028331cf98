// Proves that a container of Azure Blob Storage (Azurite) keeps the guarantees of StorageDriver,
// with the account's key.
import { ByteBudget } from "../../src/base/byte-budget.ts";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import { openAzureStorage } from "../../src/storage/azure/open.ts";
import { readAzureSettings } from "../../src/storage/azure/settings.ts";
import { AZURITE_HOOK_TIMEOUT_MS, startAzurite } from "../support/azurite.ts";
import { mapSettings } from "../support/map-settings.ts";
import { quickPolicy } from "../support/retry-policy.ts";
import { testStorageDriver } from "./storage-driver.suite.ts";

const MIB = 1024 * 1024;

testStorageDriver({
  name: "azure",
  multipartBytes: 5 * MIB,
  listingCount: 1100,
  refusedNames: /\\/,
  openTimeoutMs: AZURITE_HOOK_TIMEOUT_MS,
  async open() {
    const azurite = await startAzurite(["suite"]);
    const values = mapSettings({
      AZ_PREFIX: "azure://suite/some/folder",
      AZURE_STORAGE_ACCOUNT: azurite.account,
      AZURE_STORAGE_ACCESS_KEY: azurite.key,
      AZURE_ENDPOINT: azurite.endpoint,
      AZURE_BUFFER_SIZE: String(2 * MIB),
    });
    const driver = await openAzureStorage(readAzureSettings(values, ""), {
      budget: new ByteBudget(32 * MIB),
      log: SILENT_LOGGER,
      clock: SYSTEM_CLOCK,
      policy: quickPolicy(3),
      idleTimeoutMs: 60_000,
    });
    return { driver, close: () => azurite.stop() };
  },
});
