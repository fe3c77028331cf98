// Seeded runs against any storage: what a driver says is stored can be read, what it refuses to
// overwrite stays, a reader gets a whole object or an error, listings hold every object once, an
// error is one clear one, and nothing hangs.
import { expect } from "vitest";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { fuzzSeed, type Random, seededRandom } from "../support/random.ts";
import { pattern } from "./storage-driver.calls.ts";
import { StorageModel } from "./storage-driver.model.ts";

/** Seeds of the runs: `FAULT_RUNS` of them, from `FUZZ_SEED` on where it is set. */
export function faultSeeds(usualCount: number): readonly number[] {
  const count = Number(process.env["FAULT_RUNS"] ?? usualCount);
  const first = fuzzSeed();
  return Array.from({ length: count }, (_, index) => first + index);
}

export const ROUNDS = 60;
/** Most take no time; a server that is started again, or silence, takes some. */
export const RUN_TIMEOUT_MS = ROUNDS * 5000;

export interface SeededRun {
  readonly seed: number;
  readonly driver: StorageDriver;
  /** The same storage under a host's name that nobody knows. */
  readonly nowhere: StorageDriver;
  /** Of this run alone. */
  readonly folder: string;
  /** Stored in parts. */
  readonly largeBytes: number;
  /** Puts something in the way of the next call. */
  readonly disturb: (random: Random) => Promise<void>;
  /** Nothing is in the way any more. */
  readonly calm: () => Promise<void>;
}

export async function runSeededFaults(run: SeededRun): Promise<void> {
  const random = seededRandom(run.seed);
  const folder = `${run.folder}-${run.seed}`;
  const keys = ["a", "b", "c/d", "c/e"].map((name) => toObjectKey(`${folder}/${name}`));
  const model = new StorageModel(run.driver);
  const told = { done: 0, failed: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const key = random.pick(keys);
    const isLarge = random.below(6) === 0;
    const bytes = pattern(isLarge ? run.largeBytes : random.below(200_000), round);
    const act = random.pick([
      () => model.put(key, bytes, true),
      () => model.put(key, bytes, false),
      () => model.check(key),
      () => model.list(`${folder}/`),
      () => model.delete(key),
    ]);
    await run.disturb(random);
    told[(await act()) ? "done" : "failed"] += 1;
    if (round === ROUNDS >> 1) await model.mustFail(run.nowhere, key, bytes);
  }
  await run.calm();
  await model.settle(`${folder}/`);
  // With everything refused, the rounds would prove little.
  expect(told.done).toBeGreaterThan(ROUNDS / 4);
}
