// Proves the listing, deleting and naming guarantees (5, 6 and 10) as part of the common suite.
import { expect } from "vitest";
import { compareKeys } from "../../src/storage/key-order.ts";
import { toObjectKey } from "../../src/storage/object-key.ts";
import {
  forEachOf,
  listed,
  NEVER,
  pattern,
  put,
  read,
  type StorageSuite,
  type StorageTest,
} from "./storage-driver.calls.ts";

export function testListing(test: StorageTest, suite: StorageSuite): void {
  test("5: list gives keys in ascending byte order, whatever the folders", async (driver) => {
    const names = ["a-b", "a/b", "a.b", "a/c/d", "a0", "a/b-1", "ab", "B", "a/é", "a/z", "a/~"];
    for (const name of names) await put(driver, toObjectKey(`g5/${name}`), pattern(1, 1));
    const keys = (await listed(driver, "g5/")).map((info) => info.key);
    expect(keys).toEqual(names.map((name) => `g5/${name}`).sort(compareKeys));
    expect((await listed(driver, "g5/a/b")).map((info) => info.key)).toEqual([
      "g5/a/b",
      "g5/a/b-1",
    ]);
    const after = toObjectKey("g5/a-b");
    const rest = (await listed(driver, "g5/a", after)).map((info) => info.key);
    expect(rest).toEqual(
      keys.filter((key) => key.startsWith("g5/a") && compareKeys(key, after) > 0),
    );
    const between = (await listed(driver, "g5/", toObjectKey("g5/a/bb"))).map((info) => info.key);
    expect(between).toEqual(keys.filter((key) => compareKeys(key, "g5/a/bb") > 0));
  });

  test("5: an unknown prefix is empty, and a prefix is no folder", async (driver) => {
    await put(driver, toObjectKey("g5-plain/0001_a"), pattern(1, 1));
    expect(await listed(driver, "g5-absent/")).toEqual([]);
    expect(await listed(driver, "g5-plain/0001_b")).toEqual([]);
    expect(await listed(driver, "g5-plain/00")).toHaveLength(1);
    expect(await listed(driver, "g5-pl")).toHaveLength(1);
    expect((await listed(driver, "")).length).toBeGreaterThan(0);
  });

  test(`5: ${suite.listingCount} keys come once each, over all pages`, async (driver) => {
    const keys = Array.from({ length: suite.listingCount }, (_, index) =>
      toObjectKey(`g5-pages/${String(index).padStart(6, "0")}`),
    );
    await forEachOf(keys, 16, (key) => put(driver, key, new Uint8Array([1])));
    const found = (await listed(driver, "g5-pages/")).map((info) => info.key);
    expect(found).toEqual(keys);
    const middle = keys[Math.floor(keys.length / 2)] ?? toObjectKey("x");
    const rest = (await listed(driver, "g5-pages/", middle)).map((info) => info.key);
    expect(rest).toEqual(keys.slice(Math.floor(keys.length / 2) + 1));
  });

  test("5: listFolder gives the objects and folders directly below", async (driver) => {
    for (const name of ["top.json", "x/1", "x/2", "y/z/1"]) {
      await put(driver, toObjectKey(`g5-folder/${name}`), pattern(name.length, 1));
    }
    for (const folder of ["g5-folder", "g5-folder/"]) {
      const { objects, folders } = await driver.listFolder(folder, NEVER);
      expect(objects).toMatchObject([{ key: "g5-folder/top.json", sizeBytes: 8 }]);
      expect([...folders].sort()).toEqual(["x", "y"]);
    }
    expect((await driver.listFolder("", NEVER)).folders).toContain("g5-folder");
    const none = await driver.listFolder("g5-folder-absent", NEVER);
    expect(none).toEqual({ objects: [], folders: [] });
  });
}

export function testDelete(test: StorageTest): void {
  test("6: delete removes what is there, and absent keys are no error", async (driver) => {
    const key = toObjectKey("g6/a/gone.bin");
    const kept = toObjectKey("g6/a-kept.bin");
    await put(driver, key, pattern(10, 1));
    await put(driver, kept, pattern(10, 1));
    await driver.delete([key, toObjectKey("g6/absent.bin"), toObjectKey("g6/b/absent")], NEVER);
    await driver.delete([key], NEVER);
    await driver.delete([], NEVER);
    expect((await listed(driver, "g6/")).map((info) => info.key)).toEqual([kept]);
    await put(driver, key, pattern(11, 1));
    expect((await driver.stat(key, NEVER)).sizeBytes).toBe(11);
  });

  test("6: more keys than one batch holds are split", async (driver) => {
    const keys = Array.from({ length: driver.traits.deleteBatchMax + 3 }, (_, index) =>
      toObjectKey(`g6-batch/${index}`),
    );
    const some = keys.filter((_, index) => index % 100 === 0 || index >= keys.length - 3);
    for (const key of some) await put(driver, key, new Uint8Array([1]));
    await driver.delete(keys, NEVER);
    expect(await listed(driver, "g6-batch/")).toEqual([]);
  });
}

export function testKeys(test: StorageTest, suite: StorageSuite): void {
  test("10: odd keys are stored, read, listed and deleted as they are", async (driver) => {
    const names = [
      "with space",
      "plus+plus",
      "percent%41%zz",
      "é and é",
      "日本/語",
      "quote'\"`",
      "a=b&c=d?e#f",
      "(brackets)[x]{y}!*~",
      "semi;colon:@,$",
      "back\\slash",
      "<xml>&amp;",
      ".hidden",
      "dots..more",
      `${"long-".repeat(40)}name`,
    ];
    const { refusedNames } = suite;
    const isRefused = (name: string) => refusedNames?.test(name) === true;
    for (const name of names.filter(isRefused)) {
      const refused = put(driver, toObjectKey(`g10-keys/${name}`), pattern(1, 1));
      await expect(refused).rejects.toMatchObject({ code: "storage", isTransient: false });
    }
    const taken = names.filter((name) => !isRefused(name));
    const keys = taken.map((name) => toObjectKey(`g10-keys/${name}`));
    for (const [index, key] of keys.entries()) await put(driver, key, pattern(20 + index, index));
    for (const [index, key] of keys.entries()) {
      expect(await read(driver, key)).toEqual(pattern(20 + index, index));
      expect((await driver.stat(key, NEVER)).sizeBytes).toBe(20 + index);
      expect((await listed(driver, key)).map((info) => info.key)).toEqual([key]);
    }
    const found = (await listed(driver, "g10-keys/")).map((info) => info.key);
    expect(found).toEqual([...keys].sort(compareKeys));
    await driver.delete(keys, NEVER);
    expect(await listed(driver, "g10-keys/")).toEqual([]);
  });
}
