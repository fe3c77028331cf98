// Seeded runs against any object service: what a driver says is stored can be read, what it
// refuses to overwrite stays, a reader gets a whole object or an error, and nothing hangs.
import { toObjectKey } from "../../src/storage/object-key.ts";
import type { Fault, FaultProxy, FaultRule } from "../support/fault-proxy.ts";
import { fuzzSeed, type Random, seededRandom } from "../support/random.ts";
import { pattern } from "./storage-driver.calls.ts";
import { StorageModel } from "./storage-driver.model.ts";
import type { FaultyStorage, Values } from "./storage-driver.service-faults.ts";

/** Seeds of the runs: `FAULT_RUNS` of them, from `FUZZ_SEED` on where it is set. */
export function faultSeeds(usualCount: number): readonly number[] {
  const count = Number(process.env["FAULT_RUNS"] ?? usualCount);
  const first = fuzzSeed();
  return Array.from({ length: count }, (_, index) => first + index);
}

export interface SeededRun {
  readonly seed: number;
  readonly rounds: number;
  readonly storage: FaultyStorage;
  readonly proxy: FaultProxy;
  /** Of this run alone. */
  readonly folder: string;
  /** Stored in parts. */
  readonly largeBytes: number;
  /** An answer with an error of this status. */
  readonly answer: (status: number, headers?: Values) => Extract<Fault, { kind: "answer" }>;
}

function randomFault(random: Random, { answer }: SeededRun): Fault {
  const isForwarded = random.below(2) === 0;
  const afterBytes = random.below(80_000);
  // Waiting for silence takes its time: few, and not after the start of large bodies.
  if (random.below(60) === 0) return { kind: "stall-body", afterBytes };
  return random.pick<Fault>([
    { ...answer(500), isForwarded },
    { ...answer(503), isForwarded },
    { ...answer(429, { "retry-after": "1" }), isForwarded },
    { ...answer(500), status: 200 },
    { kind: "reset", isForwarded },
    { kind: "reset-body", afterBytes },
    { kind: "cut-body", afterBytes },
    { kind: "cut-body", afterBytes: random.below(300) },
  ]);
}

function randomRules(random: Random, run: SeededRun): FaultRule[] {
  return Array.from({ length: random.below(3) }, () => ({
    skip: random.below(4),
    times: 1 + random.below(3),
    fault: randomFault(random, run),
  }));
}

export async function runSeededFaults(run: SeededRun): Promise<void> {
  const { proxy, folder } = run;
  const random = seededRandom(run.seed);
  const keys = ["a", "b", "c", "d"].map((name) => toObjectKey(`${folder}/${name}`));
  const model = new StorageModel(run.storage.driver);
  for (let round = 0; round < run.rounds; round += 1) {
    const key = random.pick(keys);
    const isLarge = random.below(6) === 0;
    const bytes = pattern(isLarge ? run.largeBytes : random.below(200_000), round);
    const action = random.below(5);
    proxy.arm(...randomRules(random, run));
    if (action < 2) await model.put(key, bytes, action === 0);
    else if (action === 2) await model.check(key);
    else if (action === 3) await model.list(`${folder}/`);
    else await model.delete(key);
  }
  proxy.arm();
  await model.settle(`${folder}/`);
}
