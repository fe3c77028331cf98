// Proves that S3 storage never lies under seeded faults, by our own signer and by the SDK.
import { afterAll, beforeAll, test } from "vitest";
import {
  errorBody,
  type FaultyServer,
  MIB,
  startFaultyServer,
} from "../conformance/storage-driver.s3-faults.ts";
import { faultSeeds, runSeededFaults } from "../conformance/storage-driver.seeded-faults.ts";
import { MINIO_HOOK_TIMEOUT_MS } from "../support/minio.ts";

let server: FaultyServer;
beforeAll(async () => {
  server = await startFaultyServer();
}, MINIO_HOOK_TIMEOUT_MS);
afterAll(() => server?.stop());

const CODES: Readonly<Record<number, string>> = { 429: "TooManyRequests", 503: "SlowDown" };

const RUNS = faultSeeds(1).flatMap((seed) => [["direct", seed] as const, ["sdk", seed] as const]);

test.each(RUNS)("%s, seed %i", async (path, seed) => {
  await runSeededFaults({
    seed,
    rounds: 60,
    storage: await server.open(path),
    proxy: server.proxy,
    folder: `${path}-${seed}`,
    largeBytes: 11 * MIB,
    answer: (status, headers = {}) => {
      const body = errorBody(CODES[status] ?? "InternalError");
      return { kind: "answer", status, body, headers };
    },
  });
});
