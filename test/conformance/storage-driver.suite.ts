// Proves the ten guarantees of StorageDriver against whatever `open` gives, one test or more each.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defined } from "../../src/base/assert.ts";
import {
  InvalidRangeError,
  ObjectExistsError,
  ObjectNotFoundError,
} from "../../src/storage/errors.ts";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { bytesSource, collect } from "../../src/stream/byte-stream.ts";
import {
  listed,
  NEVER,
  type OpenedStorage,
  pattern,
  put,
  read,
  type StorageSuite,
  type StorageTest,
} from "./storage-driver.calls.ts";
import { testAborts, testBodies } from "./storage-driver.failures.ts";
import { testDelete, testKeys, testListing } from "./storage-driver.listing.ts";

export function testStorageDriver(suite: StorageSuite): void {
  describe(`storage driver: ${suite.name}`, () => {
    let opened: OpenedStorage | undefined;
    const it$: StorageTest = (title, test) =>
      it(title, () => test(defined(opened, "open storage").driver));
    beforeAll(async () => {
      opened = await suite.open();
    }, suite.openTimeoutMs);
    afterAll(async () => {
      await opened?.driver.close();
      await opened?.close();
    });
    testPut(it$, suite);
    testConcurrency(it$, suite);
    testGet(it$, suite);
    testListing(it$, suite);
    testDelete(it$);
    testAborts(it$, suite);
    testBodies(it$, suite);
    testKeys(it$, suite);
  });
}

export function testPut(test: StorageTest, suite: StorageSuite): void {
  test("1: get, stat and list see an object as soon as put resolved", async (driver) => {
    const key = toObjectKey("g1/seen.bin");
    const bytes = pattern(70_000, 1);
    const info = await put(driver, key, bytes);
    expect(info).toMatchObject({ key, sizeBytes: 70_000 });
    const stat = await driver.stat(key, NEVER);
    expect(stat).toMatchObject({ key, sizeBytes: 70_000 });
    expect(Math.abs(stat.modifiedAt.getTime() - info.modifiedAt.getTime())).toBeLessThan(5000);
    const [entry, ...others] = await listed(driver, "g1/");
    expect(entry).toMatchObject({ key, sizeBytes: 70_000 });
    expect(others).toEqual([]);
    // A service may tell whole seconds by one call and parts of them by another.
    const apartMs = (entry?.modifiedAt.getTime() ?? 0) - stat.modifiedAt.getTime();
    expect(Math.abs(apartMs)).toBeLessThan(1000);
    expect(await read(driver, key)).toEqual(bytes);
  });

  test("1: a reader sees the old or the new object, never a mixture", async (driver) => {
    const key = toObjectKey("g1/swapped.bin");
    const versions = [pattern(300_000, 2), pattern(200_000, 3)];
    await put(driver, key, versions[0] ?? new Uint8Array());
    const writer = (async () => {
      for (let round = 0; round < 6; round += 1) {
        await put(driver, key, versions[round % 2] ?? new Uint8Array());
      }
    })();
    for (let round = 0; round < 12; round += 1) {
      const bytes = await read(driver, key);
      expect(versions.some((version) => Bun.deepEquals(version, bytes))).toBe(true);
    }
    await writer;
  });

  test("2: put replaces, and the new size and bytes count", async (driver) => {
    const key = toObjectKey("g2/replaced.bin");
    await put(driver, key, pattern(5000, 4));
    await put(driver, key, pattern(3, 5));
    expect(await read(driver, key)).toEqual(pattern(3, 5));
    expect((await driver.stat(key, NEVER)).sizeBytes).toBe(3);
  });

  test("2: ifAbsent stores a new object and refuses a taken name", async (driver) => {
    for (const sizeBytes of [10, suite.multipartBytes]) {
      const key = toObjectKey(`g2/kept-${sizeBytes}.bin`);
      const first = pattern(sizeBytes, 6);
      await driver.put(key, bytesSource(first), { ifAbsent: true, signal: NEVER });
      const again = driver.put(key, bytesSource(pattern(sizeBytes, 7)), {
        ifAbsent: true,
        signal: NEVER,
      });
      await expect(again).rejects.toBeInstanceOf(ObjectExistsError);
      const same = driver.put(key, bytesSource(first), { ifAbsent: true, signal: NEVER });
      await expect(same).rejects.toBeInstanceOf(ObjectExistsError);
      expect(Bun.deepEquals(await read(driver, key), first)).toBe(true);
    }
  });
}

export function testConcurrency(test: StorageTest, suite: StorageSuite): void {
  for (const [kind, sizeBytes] of [
    ["small", 1000],
    ["multipart", suite.multipartBytes],
  ] as const) {
    test(`2: of 8 parallel ifAbsent puts (${kind}) one wins and its bytes stay`, async (driver) => {
      const key = toObjectKey(`g2/race-${kind}.bin`);
      const bodies = Array.from({ length: 8 }, (_, index) => pattern(sizeBytes, 100 + index));
      const outcomes = await Promise.allSettled(
        bodies.map((bytes) =>
          driver.put(key, bytesSource(bytes), { ifAbsent: true, signal: NEVER }),
        ),
      );
      const winners = outcomes.flatMap(({ status }, index) =>
        status === "fulfilled" ? [index] : [],
      );
      for (const outcome of outcomes) {
        if (outcome.status === "fulfilled") continue;
        expect(outcome.reason).toBeInstanceOf(ObjectExistsError);
      }
      expect(winners).toHaveLength(1);
      const winner = bodies[winners[0] ?? 0] ?? new Uint8Array();
      expect(Bun.deepEquals(await read(driver, key), winner)).toBe(true);
    });
  }

  test("1: puts and gets of 16 objects at once keep their bytes apart", async (driver) => {
    await Promise.all(
      Array.from({ length: 16 }, async (_, index) => {
        const key = toObjectKey(`g1/parallel/${index}.bin`);
        const bytes = pattern(50_000 + index, index);
        await put(driver, key, bytes);
        expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
      }),
    );
  });
}

export function testGet(test: StorageTest, suite: StorageSuite): void {
  test("3: get and stat of an absent key reject with ObjectNotFoundError", async (driver) => {
    for (const name of ["g3/absent.bin", "g3-no-folder/a/b.bin"]) {
      const key = toObjectKey(name);
      await expect(driver.get(key, { signal: NEVER })).rejects.toBeInstanceOf(ObjectNotFoundError);
      const range = { offset: 0, length: 1 };
      const ranged = driver.get(key, { range, signal: NEVER });
      await expect(ranged).rejects.toBeInstanceOf(ObjectNotFoundError);
      await expect(driver.stat(key, NEVER)).rejects.toBeInstanceOf(ObjectNotFoundError);
    }
  });

  test("3: a folder's name is not an object", async (driver) => {
    await put(driver, toObjectKey("g3/folder/object.bin"), pattern(1, 1));
    const folder = toObjectKey("g3/folder");
    await expect(driver.stat(folder, NEVER)).rejects.toBeInstanceOf(ObjectNotFoundError);
    const get = driver.get(folder, { signal: NEVER });
    await expect(get).rejects.toBeInstanceOf(ObjectNotFoundError);
  });

  test("4: a range gives exactly its bytes", async (driver) => {
    const key = toObjectKey("g4/ranged.bin");
    const bytes = pattern(suite.multipartBytes, 9);
    await put(driver, key, bytes);
    const end = bytes.byteLength;
    for (const [offset, length] of [
      [0, 1],
      [0, end],
      [end - 1, 1],
      [1000, 700_001],
      [0, 0],
      [end, 0],
      [end - 300_000, 300_000],
    ] as const) {
      const stream = await driver.get(key, { range: { offset, length }, signal: NEVER });
      const part = await collect(stream, end);
      expect(Bun.deepEquals(part, bytes.slice(offset, offset + length))).toBe(true);
    }
  });

  test("4: a range past the end is an InvalidRangeError, never a short read", async (driver) => {
    const key = toObjectKey("g4/short.bin");
    await put(driver, key, pattern(1000, 10));
    for (const [offset, length] of [
      [0, 1001],
      [999, 2],
      [1000, 1],
      [5000, 10],
      [1001, 0],
      [-1, 10],
    ] as const) {
      const get = driver.get(key, { range: { offset, length }, signal: NEVER });
      await expect(get).rejects.toBeInstanceOf(InvalidRangeError);
    }
    const empty = toObjectKey("g4/empty.bin");
    await put(driver, empty, new Uint8Array());
    const get = driver.get(empty, { range: { offset: 0, length: 1 }, signal: NEVER });
    await expect(get).rejects.toBeInstanceOf(InvalidRangeError);
  });

  test("4: a consumer that stops early, or never starts, does no harm", async (driver) => {
    const key = toObjectKey("g4/stopped.bin");
    const bytes = pattern(suite.multipartBytes, 11);
    await put(driver, key, bytes);
    for (let round = 0; round < 5; round += 1) {
      for await (const chunk of await driver.get(key, { signal: NEVER })) {
        expect(chunk.byteLength).toBeGreaterThan(0);
        break;
      }
      const unread = (await driver.get(key, { signal: NEVER }))[Symbol.asyncIterator]();
      await unread.return?.();
    }
    expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
  });
}
