// Seeded runs against any object service: what a driver says is stored can be read, what it
// refuses to overwrite stays, a reader gets a whole object or an error, and nothing hangs.
import { expect } from "vitest";
import { ObjectExistsError, ObjectNotFoundError, StorageError } from "../../src/storage/errors.ts";
import { type ObjectKey, toObjectKey } from "../../src/storage/object-key.ts";
import { bytesSource } from "../../src/stream/byte-stream.ts";
import type { Fault, FaultProxy, FaultRule } from "../support/fault-proxy.ts";
import { fuzzSeed, type Random, seededRandom } from "../support/random.ts";
import { listed, NEVER, pattern, read } from "./storage-driver.calls.ts";
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

/** What may be stored under each name: after a put that failed, the old or the new. */
class Model {
  readonly #possible = new Map<ObjectKey, readonly (Uint8Array | undefined)[]>();

  of(key: ObjectKey): readonly (Uint8Array | undefined)[] {
    return this.#possible.get(key) ?? [undefined];
  }

  set(key: ObjectKey, ...possible: readonly (Uint8Array | undefined)[]): void {
    this.#possible.set(key, possible);
  }

  allows(key: ObjectKey, found: Uint8Array | undefined): boolean {
    return this.of(key).some((bytes) => Bun.deepEquals(bytes, found));
  }
}

async function write(
  { driver }: FaultyStorage,
  model: Model,
  facts: { readonly key: ObjectKey; readonly bytes: Uint8Array; readonly ifAbsent: boolean },
): Promise<void> {
  const { key, bytes, ifAbsent } = facts;
  try {
    await driver.put(key, bytesSource(bytes), { ifAbsent, signal: NEVER });
    // Whoever was told "stored" must not have overwritten anything that surely was there.
    if (ifAbsent) expect(model.of(key)).toContain(undefined);
    model.set(key, bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(StorageError);
    if (error instanceof ObjectExistsError) {
      expect(ifAbsent).toBe(true);
      model.set(key, ...model.of(key).filter((old) => old !== undefined));
      expect(model.of(key).length).toBeGreaterThan(0);
    } else {
      model.set(key, ...model.of(key), bytes);
    }
  }
}

async function check({ driver }: FaultyStorage, model: Model, key: ObjectKey): Promise<void> {
  try {
    const found = await read(driver, key);
    expect(model.allows(key, found)).toBe(true);
    model.set(key, found);
  } catch (error) {
    expect(error).toBeInstanceOf(StorageError);
    if (!(error instanceof ObjectNotFoundError)) return;
    expect(model.allows(key, undefined)).toBe(true);
    model.set(key, undefined);
  }
}

/** A listing under faults is whole or an error: every name that is surely there is in it. */
async function list(run: SeededRun, model: Model, keys: readonly ObjectKey[]): Promise<void> {
  try {
    const found = (await listed(run.storage.driver, `${run.folder}/`)).map(({ key }) => key);
    const sure = keys.filter((key) => !model.of(key).includes(undefined));
    expect(found).toEqual(expect.arrayContaining(sure));
    expect(found).toEqual([...found].sort());
  } catch (error) {
    expect(error).toBeInstanceOf(StorageError);
  }
}

export async function runSeededFaults(run: SeededRun): Promise<void> {
  const { storage, proxy, folder } = run;
  const random = seededRandom(run.seed);
  const keys = ["a", "b", "c", "d"].map((name) => toObjectKey(`${folder}/${name}`));
  const model = new Model();
  for (let round = 0; round < run.rounds; round += 1) {
    const key = random.pick(keys);
    const isLarge = random.below(6) === 0;
    const bytes = pattern(isLarge ? run.largeBytes : random.below(200_000), round);
    const action = random.below(5);
    proxy.arm(...randomRules(random, run));
    if (action < 2) await write(storage, model, { key, bytes, ifAbsent: action === 0 });
    else if (action === 2) await check(storage, model, key);
    else if (action === 3) await list(run, model, keys);
    else {
      try {
        await storage.driver.delete([key], NEVER);
        model.set(key, undefined);
      } catch (error) {
        expect(error).toBeInstanceOf(StorageError);
        model.set(key, ...model.of(key), undefined);
      }
    }
  }
  proxy.arm();
  for (const key of keys) await check(storage, model, key);
  const names = (await listed(storage.driver, `${folder}/`)).map(({ key }) => key);
  expect(names).toEqual(keys.filter((key) => model.of(key)[0] !== undefined));
}
