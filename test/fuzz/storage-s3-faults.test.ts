// Proves that S3 storage never lies under seeded faults: what it says is stored can be read, what
// it refuses to overwrite stays, and a reader gets a whole object or an error.
import { afterAll, beforeAll, expect, test } from "vitest";
import { ObjectExistsError, ObjectNotFoundError, StorageError } from "../../src/storage/errors.ts";
import { type ObjectKey, toObjectKey } from "../../src/storage/object-key.ts";
import { bytesSource } from "../../src/stream/byte-stream.ts";
import { listed, NEVER, pattern, read } from "../conformance/storage-driver.calls.ts";
import {
  errorBody,
  type FaultyServer,
  type FaultyStorage,
  MIB,
  startFaultyServer,
} from "../conformance/storage-driver.s3-faults.ts";
import type { Fault, FaultRule } from "../support/fault-proxy.ts";
import { MINIO_HOOK_TIMEOUT_MS } from "../support/minio.ts";
import { fuzzSeed, type Random, seededRandom } from "../support/random.ts";

let server: FaultyServer;
beforeAll(async () => {
  server = await startFaultyServer();
}, MINIO_HOOK_TIMEOUT_MS);
afterAll(() => server?.stop());

const ROUNDS = 60;

function randomFault(random: Random): Fault {
  const isForwarded = random.below(2) === 0;
  const afterBytes = random.below(80_000);
  return random.pick<Fault>([
    { kind: "answer", status: 500, body: errorBody("InternalError"), isForwarded },
    { kind: "answer", status: 503, body: errorBody("SlowDown"), isForwarded },
    { kind: "answer", status: 200, body: errorBody("InternalError") },
    { kind: "reset", isForwarded },
    { kind: "reset-body", afterBytes },
    { kind: "cut-body", afterBytes },
  ]);
}

function randomRules(random: Random): FaultRule[] {
  return Array.from({ length: random.below(3) }, () => ({
    skip: random.below(4),
    times: 1 + random.below(3),
    fault: randomFault(random),
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

const seed = fuzzSeed();
test.each(["direct", "sdk"] as const)(`%s, seed ${seed}`, async (path) => {
  const random = seededRandom(seed);
  const storage = await server.open(path);
  const keys = ["a", "b", "c", "d"].map((name) => toObjectKey(`${path}/${name}`));
  const model = new Model();
  for (let round = 0; round < ROUNDS; round += 1) {
    const key = random.pick(keys);
    const isLarge = random.below(6) === 0;
    const bytes = pattern(isLarge ? 11 * MIB : random.below(200_000), round);
    const action = random.below(4);
    server.proxy.arm(...randomRules(random));
    if (action < 2) await write(storage, model, { key, bytes, ifAbsent: action === 0 });
    else if (action === 2) await check(storage, model, key);
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
  server.proxy.arm();
  for (const key of keys) await check(storage, model, key);
  const names = (await listed(storage.driver, `${path}/`)).map(({ key }) => key);
  expect(names).toEqual(keys.filter((key) => model.of(key)[0] !== undefined));
});
