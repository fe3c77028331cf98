// Proves that Google Cloud Storage never lies under seeded faults.
import { afterAll, beforeAll, test } from "vitest";
import {
  type FaultyGcs,
  gcsDialect,
  startFaultyGcs,
} from "../conformance/storage-driver.gcs-faults.ts";
import { faultSeeds, runSeededFaults } from "../conformance/storage-driver.seeded-faults.ts";
import { MIB } from "../conformance/storage-driver.service-faults.ts";
import { GCS_HOOK_TIMEOUT_MS } from "../support/gcs-server.ts";

let gcs: FaultyGcs;
beforeAll(async () => {
  gcs = await startFaultyGcs();
}, GCS_HOOK_TIMEOUT_MS);
afterAll(() => gcs?.stop());

test.each(faultSeeds(3))("seed %i", async (seed) => {
  await runSeededFaults({
    seed,
    rounds: 60,
    storage: await gcs.open(),
    proxy: gcs.proxy,
    folder: `run-${seed}`,
    largeBytes: 5 * MIB,
    answer: gcsDialect(() => gcs).answer,
  });
});
