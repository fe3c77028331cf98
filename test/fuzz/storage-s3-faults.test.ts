// Proves that S3 storage never lies under seeded faults, by our own signer and by the SDK.
import { afterAll, beforeAll, describe, test } from "vitest";
import {
  type FaultyS3,
  S3_PATHS,
  s3Dialect,
  startFaultyS3,
} from "../conformance/storage-driver.s3-faults.ts";
import { faultSeeds, RUN_TIMEOUT_MS } from "../conformance/storage-driver.seeded-faults.ts";
import {
  type FaultTally,
  printTally,
  runServiceFaults,
} from "../conformance/storage-driver.seeded-service-faults.ts";
import { MINIO_HOOK_TIMEOUT_MS } from "../support/minio.ts";

let server: FaultyS3;
beforeAll(async () => {
  server = await startFaultyS3();
}, MINIO_HOOK_TIMEOUT_MS);
afterAll(() => server?.direct.stop());

describe.each(S3_PATHS)("%s", (path) => {
  const dialect = s3Dialect(path, () => server);
  const tally: FaultTally = new Map();
  afterAll(() => printTally(dialect.name, tally));
  test.each(faultSeeds(1))(
    "seed %i",
    (seed) => runServiceFaults(dialect, { seed, tally }),
    RUN_TIMEOUT_MS,
  );
});
