// Proves that Azure Blob Storage never lies under seeded faults.
import { afterAll, beforeAll, test } from "vitest";
import { azureDialect, startFaultyAzure } from "../conformance/storage-driver.azure-faults.ts";
import { faultSeeds, runSeededFaults } from "../conformance/storage-driver.seeded-faults.ts";
import { type FaultyService, MIB } from "../conformance/storage-driver.service-faults.ts";
import { AZURITE_HOOK_TIMEOUT_MS } from "../support/azurite.ts";

let azure: FaultyService;
beforeAll(async () => {
  azure = await startFaultyAzure();
}, AZURITE_HOOK_TIMEOUT_MS);
afterAll(() => azure?.stop());

test.each(faultSeeds(2))("seed %i", async (seed) => {
  await runSeededFaults({
    seed,
    rounds: 60,
    storage: await azure.open(),
    proxy: azure.proxy,
    folder: `run-${seed}`,
    largeBytes: 5 * MIB,
    answer: azureDialect(() => azure).answer,
  });
});
