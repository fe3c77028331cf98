// Proves that SFTP storage never lies under seeded faults of its connections and its server: what
// it says is stored can be read, what must stay stays, and a read is whole or an error.
import { afterAll, beforeAll, expect, test } from "vitest";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { pattern } from "../conformance/storage-driver.calls.ts";
import { StorageModel } from "../conformance/storage-driver.model.ts";
import { faultSeeds } from "../conformance/storage-driver.seeded-faults.ts";
import { type FaultySftp, startFaultySftp } from "../conformance/storage-driver.sftp-faults.ts";
import { type Random, seededRandom } from "../support/random.ts";
import type { TcpFault } from "../support/tcp-fault-proxy.ts";

const MIB = 1024 * 1024;
/** The long form is `FAULT_RUNS=200`. */
const ROUNDS = 60;
const ROUND_TIMEOUT_MS = 5000;

let faulty: FaultySftp;
beforeAll(async () => {
  faulty = await startFaultySftp({ attemptsMax: 4, idleTimeoutMs: 300 });
});
afterAll(() => faulty?.[Symbol.asyncDispose]());

function randomFault(random: Random): TcpFault | undefined {
  const kind = random.pick<TcpFault["kind"] | undefined>([
    ...(["reset", "cut", "refuse", "reset", "cut", "stall", undefined, undefined] as const),
  ]);
  if (kind === undefined) return undefined;
  const direction = random.pick(["up", "down"] as const);
  // Often within the exchange around a small object, sometimes far into a large one.
  const afterBytes = random.below(random.pick([600, 4000, 40_000, 3 * MIB]));
  // A stall takes its time-out each: more of them take the test's time and show no more.
  const times = kind === "stall" ? 1 : 1 + random.below(5);
  return { kind, direction, afterBytes, times };
}

test.each(faultSeeds(1))("seed %i", { timeout: ROUNDS * ROUND_TIMEOUT_MS }, async (seed) => {
  const random = seededRandom(seed);
  const model = new StorageModel(faulty.driver);
  const folder = `seed-${seed}`;
  const keys = ["a", "b", "c/d", "c/e"].map((name) => toObjectKey(`${folder}/${name}`));
  const told = { done: 0, failed: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const key = random.pick(keys);
    const isLarge = random.below(6) === 0;
    const bytes = pattern(isLarge ? 5 * MIB : random.below(200_000), round);
    faulty.proxy.arm(randomFault(random));
    if (random.below(12) === 0) {
      await faulty.server.kill();
      await faulty.server.restart();
    }
    const act = random.pick([
      () => model.put(key, bytes, true),
      () => model.put(key, bytes, false),
      () => model.put(key, bytes, false),
      () => model.check(key),
      () => model.list(`${folder}/`),
      () => model.delete(key),
    ]);
    told[(await act()) ? "done" : "failed"] += 1;
  }
  faulty.proxy.arm();
  await model.settle(`${folder}/`);
  // With everything refused, the rounds would prove little.
  expect(told.done).toBeGreaterThan(ROUNDS / 4);
});
