// Proves that Azure Blob Storage never lies under seeded faults.
import { afterAll, beforeAll, test } from "vitest";
import { azureDialect, startFaultyAzure } from "../conformance/storage-driver.azure-faults.ts";
import type { FaultyService } from "../conformance/storage-driver.faulty-service.ts";
import { faultSeeds, RUN_TIMEOUT_MS } from "../conformance/storage-driver.seeded-faults.ts";
import {
  type FaultTally,
  printTally,
  runServiceFaults,
} from "../conformance/storage-driver.seeded-service-faults.ts";
import { AZURITE_HOOK_TIMEOUT_MS } from "../support/azurite.ts";

let service: FaultyService;
const dialect = azureDialect(() => service);
const tally: FaultTally = new Map();
beforeAll(async () => {
  service = await startFaultyAzure();
}, AZURITE_HOOK_TIMEOUT_MS);
afterAll(async () => {
  printTally(dialect.name, tally);
  await service?.stop();
});

test.each(faultSeeds(2))(
  "seed %i",
  (seed) => runServiceFaults(dialect, { seed, tally }),
  RUN_TIMEOUT_MS,
);
