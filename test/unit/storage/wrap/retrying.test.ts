// Proves what is repeated and what never, by a driver that fails each method as told.
import { describe, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import type { StorageDriver } from "../../../../src/storage/driver.ts";
import { StorageUnavailableError } from "../../../../src/storage/errors.ts";
import { MemoryDriver } from "../../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { retrying } from "../../../../src/storage/wrap/retrying.ts";
import { type ByteSource, bytesSource, collect } from "../../../../src/stream/byte-stream.ts";
import { quickPolicy } from "../../../support/retry-policy.ts";

const NEVER = new AbortController().signal;
const KEY = toObjectKey("a");
const PUT = { ifAbsent: false, signal: NEVER };

function failure(isTransient = true): StorageUnavailableError {
  return new StorageUnavailableError({ storage: "memory:", isTransient });
}

/** Fails the first `times` calls of one method. */
function failing(method: keyof StorageDriver, times: number, error: Error = failure()) {
  const inner = new MemoryDriver(SYSTEM_CLOCK);
  let calls = 0;
  const driver = new Proxy<StorageDriver>(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (name !== method) return value.bind(target);
      return (...all: unknown[]) => {
        calls += 1;
        if (calls > times) return value.apply(target, all);
        return method === "list" ? failingList(error) : Promise.reject(error);
      };
    },
  });
  return { driver, inner, calls: () => calls };
}

// biome-ignore lint/correctness/useYield: it fails before its first element
async function* failingList(error: Error): AsyncGenerator<never> {
  throw error;
}

describe("retrying", () => {
  test("repeats stat, delete, listFolder and list", async () => {
    for (const [method, call] of [
      ["stat", (driver: StorageDriver) => driver.stat(KEY, NEVER)],
      ["delete", (driver: StorageDriver) => driver.delete([KEY], NEVER)],
      ["listFolder", (driver: StorageDriver) => driver.listFolder("", NEVER)],
      ["list", (driver: StorageDriver) => Array.fromAsync(driver.list("", { signal: NEVER }))],
      ["get", (driver: StorageDriver) => driver.get(KEY, { signal: NEVER })],
    ] as const) {
      const { driver, inner, calls } = failing(method, 2);
      await inner.put(KEY, bytesSource("x"), PUT);
      await call(retrying(driver, quickPolicy(3)));
      expect(calls()).toBe(3);
    }
  });

  test("gives up after the last attempt, and at once when it is no use", async () => {
    const spent = failing("stat", 99);
    const error = await retrying(spent.driver, quickPolicy(3))
      .stat(KEY, NEVER)
      .catch((e) => e);
    expect(error).toBeInstanceOf(StorageUnavailableError);
    expect(spent.calls()).toBe(3);
    const lasting = failing("stat", 99, failure(false));
    await expect(retrying(lasting.driver, quickPolicy(3)).stat(KEY, NEVER)).rejects.toThrow();
    expect(lasting.calls()).toBe(1);
  });

  test("repeats put of a body that can be read again, and of no other", async () => {
    const again = failing("put", 1);
    await retrying(again.driver, quickPolicy(3)).put(KEY, bytesSource("abc"), PUT);
    expect((await again.inner.stat(KEY, NEVER)).sizeBytes).toBe(3);
    const once = failing("put", 1);
    const body = { ...bytesSource("abc"), replayable: false };
    await expect(retrying(once.driver, quickPolicy(3)).put(KEY, body, PUT)).rejects.toThrow();
    expect(once.calls()).toBe(1);
  });

  test("leaves put alone when the driver repeats its own requests", async () => {
    const { driver, calls } = failing("put", 1);
    const own = new Proxy(driver, {
      get: (target, name) =>
        name === "traits"
          ? { ...target.traits, retriesPut: true }
          : Reflect.get(target, name, target),
    });
    await expect(retrying(own, quickPolicy(3)).put(KEY, bytesSource("abc"), PUT)).rejects.toThrow();
    expect(calls()).toBe(1);
  });

  test("never repeats for an error of the body, though it says transient", async () => {
    const policy = quickPolicy(3);
    const error = failure();
    const body: ByteSource = {
      sizeBytes: undefined,
      replayable: true,
      // biome-ignore lint/correctness/useYield: it fails before its first byte
      async *open() {
        throw error;
      },
    };
    const put = retrying(new MemoryDriver(SYSTEM_CLOCK), policy).put(KEY, body, PUT);
    await expect(put).rejects.toBe(error);
    expect(policy.retries).toEqual([]);
  });

  test("a stream starts again only while no byte of it was given out", async () => {
    for (const [beforeBytes, expected] of [
      [0, "again"],
      [2, "fails"],
    ] as const) {
      let opens = 0;
      const inner = new MemoryDriver(SYSTEM_CLOCK);
      inner.get = async () => {
        opens += 1;
        const isFirst = opens === 1;
        return (async function* () {
          if (isFirst) {
            if (beforeBytes > 0) yield new Uint8Array(beforeBytes);
            throw failure();
          }
          yield new Uint8Array(5);
        })();
      };
      const stream = await retrying(inner, quickPolicy(3)).get(KEY, { signal: NEVER });
      const reading = collect(stream, 100);
      if (expected === "again") expect(await reading).toHaveLength(5);
      else await expect(reading).rejects.toBeInstanceOf(StorageUnavailableError);
      expect(opens).toBe(expected === "again" ? 2 : 1);
    }
  });

  test("a listing that breaks goes on after its last key", async () => {
    const inner = new MemoryDriver(SYSTEM_CLOCK);
    const keys = ["a", "b", "c", "d"].map(toObjectKey);
    for (const key of keys) await inner.put(key, bytesSource("x"), PUT);
    const list = inner.list.bind(inner);
    let breaks = 3;
    inner.list = async function* (prefix, options) {
      for await (const info of list(prefix, options)) {
        yield info;
        if (breaks > 0) {
          breaks -= 1;
          throw failure();
        }
      }
    };
    const found = await Array.fromAsync(
      retrying(inner, quickPolicy(2)).list("", { signal: NEVER }),
    );
    expect(found.map(({ key }) => key)).toEqual(keys);
  });
});
