// An object is found under every extension that its base key may carry, in WAL-G's order of lookup,
// by one listing or by asking for each, and errors of the storage are never taken for absence.
import { describe, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import type { StorageDriver } from "../../../src/storage/driver.ts";
import { StorageUnavailableError } from "../../../src/storage/errors.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";
import { findObjects } from "../../../src/transfer/object-finder.ts";

const NEVER = new AbortController().signal;
const BASE = "wal_005/000000010000000000000002";

/** A storage in memory that is listed by prefix, or asked key by key. */
async function storageWith(keys: readonly string[], listsByPrefix: boolean) {
  const inner = new MemoryDriver(SYSTEM_CLOCK);
  for (const key of keys) {
    await inner.put(toObjectKey(key), bytesSource(key), { ifAbsent: true, signal: NEVER });
  }
  const asked: string[] = [];
  const driver: StorageDriver = {
    name: inner.name,
    traits: { ...inner.traits, listsByPrefix },
    put: (key, body, options) => inner.put(key, body, options),
    get: (key, options) => inner.get(key, options),
    stat: (key, signal) => {
      asked.push(`stat ${key}`);
      return inner.stat(key, signal);
    },
    list: (prefix, options) => {
      asked.push(`list ${prefix}`);
      return inner.list(prefix, options);
    },
    listFolder: (folder, signal) => inner.listFolder(folder, signal),
    delete: (deleted, signal) => inner.delete(deleted, signal),
    close: () => inner.close(),
  };
  return { driver, asked };
}

describe.each([true, false])("a storage that lists by prefix: %s", (listsByPrefix) => {
  const find = async (keys: readonly string[], preferred?: "zstd" | "none") => {
    const { driver } = await storageWith(keys, listsByPrefix);
    const options = preferred === undefined ? { signal: NEVER } : { preferred, signal: NEVER };
    return await findObjects(driver, BASE, options);
  };

  test("nothing is found where nothing is, nor among names that only begin alike", async () => {
    expect(await find([])).toEqual([]);
    const alike = ["0", ".zst.tmp", ".backup.lz4", ".partial", "_delta.zst", ".lz4x"];
    expect(await find(alike.map((suffix) => BASE + suffix))).toEqual([]);
  });

  test("every extension is known, and told as its codec", async () => {
    const suffixes = { "": "none", ".": "none", ".zst": "zstd", ".lz4": "lz4", ".br": "brotli" };
    const all = { ...suffixes, ".lzma": "lzma", ".gz": "gzip", ".lzo": "lzo" };
    for (const [suffix, codec] of Object.entries(all)) {
      const [found, ...others] = await find([BASE + suffix]);
      expect(found).toMatchObject({ key: BASE + suffix, codec, sizeBytes: (BASE + suffix).length });
      expect(found?.modifiedAt).toBeInstanceOf(Date);
      expect(others).toEqual([]);
    }
  });

  test("several come in WAL-G's order of lookup, the preferred codec first", async () => {
    const keys = [".zst", ".lzo", ".br", "", ".gz", ".lzma", ".lz4"].map((suffix) => BASE + suffix);
    const codecs = (found: readonly { readonly codec: string }[]) =>
      found.map(({ codec }) => codec);
    const order = codecs(await find(keys));
    expect(order.slice(0, 3)).toEqual(["lz4", "lzma", "gzip"]);
    expect(new Set(order).size).toBe(7);
    expect(codecs(await find(keys, "zstd"))[0]).toBe("zstd");
    expect(codecs(await find(keys, "none"))[0]).toBe("none");
  });
});

test("a storage that lists well gets one request, another one for each name", async () => {
  const listing = await storageWith([], true);
  await findObjects(listing.driver, BASE, { signal: NEVER });
  expect(listing.asked).toEqual([`list ${BASE}`]);
  const asking = await storageWith([], false);
  await findObjects(asking.driver, BASE, { signal: NEVER });
  expect(asking.asked).toHaveLength(8);
  expect(asking.asked.every((request) => request.startsWith("stat "))).toBe(true);
});

test("a failure of the storage is not absence", async () => {
  const failure = new StorageUnavailableError({ storage: "memory:" });
  for (const listsByPrefix of [true, false]) {
    const { driver } = await storageWith([], listsByPrefix);
    const failing: StorageDriver = {
      ...driver,
      stat: async () => {
        throw failure;
      },
      list: () => {
        throw failure;
      },
    };
    await expect(findObjects(failing, BASE, { signal: NEVER })).rejects.toBe(failure);
  }
});
