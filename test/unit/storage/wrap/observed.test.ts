// Proves which requests count for and against a storage, and how much.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { StorageUnavailableError } from "../../../../src/storage/errors.ts";
import { MemoryDriver } from "../../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { isStorageFault, observed } from "../../../../src/storage/wrap/observed.ts";
import { unreachable } from "../../../../src/storage/wrap/unreachable.ts";
import { bytesSource, collect } from "../../../../src/stream/byte-stream.ts";

const { signal } = new AbortController();
const KEY = toObjectKey("a/b");
const OPTIONS = { ifAbsent: false, signal };

function watched(driver = new MemoryDriver(SYSTEM_CLOCK) as Parameters<typeof observed>[0]) {
  const told: [number, boolean][] = [];
  return { told, driver: observed(driver, (weight, isDone) => told.push([weight, isDone])) };
}

async function walk(driver: MemoryDriver | ReturnType<typeof observed>) {
  for await (const _ of driver.list("", { signal }));
}

test("counts what is done", async () => {
  const { driver, told } = watched();
  await driver.put(KEY, bytesSource("x"), OPTIONS);
  await driver.put(KEY, bytesSource(new Uint8Array(10 << 20)), OPTIONS);
  await collect(await driver.get(KEY, { signal }), 20 << 20);
  await driver.stat(KEY, signal);
  await walk(driver);
  await driver.listFolder("", signal);
  await driver.delete([KEY], signal);
  await driver.delete(
    Array.from({ length: 100 }, (_, index) => toObjectKey(`x/${index}`)),
    signal,
  );
  await driver.close();
  expect(told).toEqual([
    [1000, true],
    [2000, true],
    [2000, true],
    [1000, true],
    [2000, true],
    [2000, true],
    [500, true],
    [1500, true],
  ]);
});

test("counts what fails", async () => {
  const { driver, told } = watched(unreachable("x:", new Error("gone")));
  await expect(driver.put(KEY, bytesSource("x"), OPTIONS)).rejects.toThrow("gone");
  await expect(driver.get(KEY, { signal })).rejects.toThrow("gone");
  await expect(driver.stat(KEY, signal)).rejects.toThrow("gone");
  await expect(walk(driver)).rejects.toThrow("gone");
  await expect(driver.listFolder("", signal)).rejects.toThrow("gone");
  await expect(driver.delete([KEY], signal)).rejects.toThrow("gone");
  expect(told.map(([, isDone]) => isDone)).toEqual([false, false, false, false, false, false]);
  expect(told.map(([weight]) => weight)).toEqual([1000, 1000, 1000, 2000, 2000, 500]);
});

test("an answer that there is none is an answer", async () => {
  const { driver, told } = watched();
  await expect(driver.stat(KEY, signal)).rejects.toThrow("not found");
  await expect(driver.get(KEY, { signal })).rejects.toThrow("not found");
  await driver.put(KEY, bytesSource("x"), OPTIONS);
  const again = driver.put(KEY, bytesSource("x"), { ifAbsent: true, signal });
  await expect(again).rejects.toThrow("exists");
  expect(told.every(([, isDone]) => isDone)).toBe(true);
  expect(told).toHaveLength(4);
});

test("a stream counts when it ends, and against the storage when it breaks", async () => {
  class Breaking extends MemoryDriver {
    override async get(): ReturnType<MemoryDriver["get"]> {
      return (async function* () {
        yield new Uint8Array(1);
        throw new StorageUnavailableError({ storage: "memory:" });
      })();
    }
  }
  const { driver, told } = watched(new Breaking(SYSTEM_CLOCK));
  await expect(collect(await driver.get(KEY, { signal }), 10)).rejects.toThrow("storage failed");
  expect(told).toEqual([[1000, false]]);
});

test("what the caller spoils or stops is not the storage's", async () => {
  const { driver, told } = watched();
  const body = {
    sizeBytes: 1,
    replayable: true,
    async *open() {
      yield new Uint8Array(1);
      throw new Error("of the file");
    },
  };
  await expect(driver.put(KEY, body, OPTIONS)).rejects.toThrow("of the file");
  await expect(driver.stat(KEY, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
  expect(told).toEqual([]);
  expect(isStorageFault(new Error("x"))).toBe(false);
});
