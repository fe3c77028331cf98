// Proves that Google Cloud Storage never lies under seeded faults.
import { afterAll, beforeAll, test } from "vitest";
import {
  type FaultyGcs,
  gcsDialect,
  startFaultyGcs,
} from "../conformance/storage-driver.gcs-faults.ts";
import { faultSeeds, RUN_TIMEOUT_MS } from "../conformance/storage-driver.seeded-faults.ts";
import {
  type FaultTally,
  printTally,
  runServiceFaults,
} from "../conformance/storage-driver.seeded-service-faults.ts";
import { GCS_HOOK_TIMEOUT_MS } from "../support/gcs-server.ts";

let service: FaultyGcs;
const dialect = gcsDialect(() => service);
const tally: FaultTally = new Map();
beforeAll(async () => {
  service = await startFaultyGcs();
}, GCS_HOOK_TIMEOUT_MS);
afterAll(async () => {
  printTally(dialect.name, tally);
  await service?.stop();
});

test.each(faultSeeds(3))(
  "seed %i",
  (seed) => runServiceFaults(dialect, { seed, tally }),
  RUN_TIMEOUT_MS,
);
