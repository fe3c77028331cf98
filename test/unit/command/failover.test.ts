// Proves on which storage commands work when several are configured, and what a dead one changes,
// on directories that are there or not.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { WriteTarget } from "../../../src/command/failover.ts";
import { onWritable, openReadable } from "../../../src/command/storage-access.ts";
import { StorageUnavailableError } from "../../../src/storage/errors.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";
import { testInvocation } from "../../support/invocation.ts";

const { signal } = new AbortController();
const NAME = "00000001000000000000000A";
const CACHE = ".tidemark_storage_rw_status_cache";
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-failover-"));
  for (const name of ["default", "second", "third"]) mkdirSync(join(folder, name));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function invocation(settings: Readonly<Record<string, string>> = {}) {
  const own = (name: string) => ({ WALG_FILE_PREFIX: join(folder, name) });
  const environment = {
    ...own("default"),
    WALG_FAILOVER_STORAGES: JSON.stringify({ third: own("third"), second: own("second") }),
    WALG_FAILOVER_STORAGES_CHECK_TIMEOUT: "2s",
    WALG_COMPRESSION_METHOD: "none",
    TIDEMARK_FAILOVER_STORAGES_CACHE_DIR: folder,
    ...settings,
  };
  return testInvocation({ options: [] }, { environment });
}

/** What users see. */
function told({ logged }: ReturnType<typeof testInvocation>): readonly string[] {
  return logged.filter((line) => !line.startsWith("debug "));
}

function kill(name: string): void {
  rmSync(join(folder, name), { recursive: true });
}

async function written(given = invocation(), canMove = true): Promise<string> {
  return await onWritable(given, { canMove }, async ({ repository }) => repository.name);
}

async function readable(given = invocation()) {
  await using storages = await openReadable(given);
  return storages.repositories.map(({ name }) => name);
}

function store(storage: string, text: string): void {
  mkdirSync(join(folder, storage, "wal_005"), { recursive: true });
  writeFileSync(join(folder, storage, "wal_005", NAME), text);
}

test("writes to the first storage that is alive, and tells later runs which that is", async () => {
  expect(await written()).toBe("default");
  rmSync(join(folder, CACHE));
  kill("default");
  const first = invocation();
  expect(await written(first)).toBe("second");
  expect(told(first)).toEqual([
    expect.stringMatching(/^warning storage default is dead: .*there is no directory/),
  ]);
  const later = invocation();
  expect(await written(later)).toBe("second");
  expect(told(later)).toEqual([]);
  expect(readdirSync(join(folder, "second"))).toEqual([]);
  mkdirSync(join(folder, "default"));
  expect(await written(invocation({ WALG_FAILOVER_STORAGES_CACHE_LIFETIME: "0s" }))).toBe(
    "default",
  );
});

test("says which storages are dead when all are", async () => {
  for (const name of ["default", "second", "third"]) kill(name);
  for (let run = 1; run <= 2; run += 1) {
    await expect(written()).rejects.toMatchObject({
      code: "storage",
      message: expect.stringMatching(/^no storage is alive: default \(.*second \(.*third \(/),
    });
  }
});

test("writes to the default storage, dead or alive, where nothing is checked", async () => {
  const unchecked = { WALG_FAILOVER_STORAGES_CHECK: "false" };
  expect(await written(invocation(unchecked))).toBe("default");
  kill("default");
  expect(await written(invocation(unchecked))).toBe("default");
  expect(existsSync(join(folder, CACHE))).toBe(false);
});

test("a named storage is the only one, dead or alive", async () => {
  const second = { WALG_TARGET_STORAGE: "second" };
  expect(await written(invocation(second))).toBe("second");
  expect(await readable(invocation(second))).toEqual(["second"]);
  kill("second");
  await expect(written(invocation(second))).rejects.toThrow("there is no directory");
});

test("does the work again on the next storage when one dies meanwhile", async () => {
  const given = invocation();
  const tried: string[] = [];
  const work = async ({ repository }: WriteTarget) => {
    tried.push(repository.name);
    if (repository.name === "third") return "done";
    kill(repository.name);
    await repository.driver.listFolder("", signal);
    return "not reached";
  };
  expect(await onWritable(given, { canMove: true }, work)).toBe("done");
  expect(tried).toEqual(["default", "second", "third"]);
  expect(given.logged.filter((line) => line.includes("going on with"))).toHaveLength(2);
  tried.length = 0;
  expect(await onWritable(invocation(), { canMove: true }, work)).toBe("done");
  expect(tried).toEqual(["third"]);
});

test("fails where the storage is alive, or the work cannot be moved", async () => {
  const fault = new StorageUnavailableError({ storage: "file:" });
  const fail = async () => Promise.reject(fault);
  await expect(onWritable(invocation(), { canMove: true }, fail)).rejects.toBe(fault);
  const dying = async ({ repository }: WriteTarget) => {
    kill(repository.name);
    throw fault;
  };
  const unchecked = invocation({ WALG_FAILOVER_STORAGES_CHECK: "false" });
  await expect(onWritable(unchecked, { canMove: true }, dying)).rejects.toBe(fault);
  mkdirSync(join(folder, "default"));
  await expect(onWritable(invocation(), { canMove: false }, dying)).rejects.toBe(fault);
  mkdirSync(join(folder, "default"));
  const other = new RangeError("of the caller");
  const throwing = async () => Promise.reject(other);
  await expect(onWritable(invocation(), { canMove: true }, throwing)).rejects.toBe(other);
});

test("finds what is stored elsewhere, and passes over what does not answer", async () => {
  store("third", "x");
  const given = invocation();
  const found = await onWritable(given, { canMove: true }, async ({ elsewhere }) => {
    kill("second");
    const once = await elsewhere?.(NAME, signal);
    expect(await elsewhere?.("00000001000000000000000B", signal)).toEqual([]);
    return once?.map(({ repository, object }) => [repository.name, object.key]);
  });
  expect(found).toEqual([["third", `wal_005/${NAME}`]]);
  expect(told(given)).toHaveLength(1);
  expect(told(given)[0]).toContain("warning storage second is not looked into:");
});

test("looks for a file that is waited for in a storage that was found dead, too", async () => {
  kill("default");
  const given = invocation();
  await onWritable(given, { canMove: false }, async ({ repository, elsewhere, journal }) => {
    expect(repository.name).toBe("second");
    expect(await journal?.(NAME, signal)).toEqual([]);
    store("third", "x");
    expect(await journal?.(NAME, signal)).toHaveLength(1);
    kill("third");
    expect(await journal?.(NAME, signal)).toEqual([]);
    store("third", "x");
    expect(await elsewhere?.(NAME, signal)).toEqual([]);
    expect(await journal?.(NAME, signal)).toHaveLength(1);
  });
  expect(told(given)).toHaveLength(2);
});

test("opens all for reading, the dead ones as well, and learns which those are", async () => {
  kill("second");
  store("third", "x");
  {
    await using storages = await openReadable(invocation());
    const { repositories, watch } = storages;
    expect(repositories.map(({ name }) => name)).toEqual(["default", "second", "third"]);
    const [first, second] = repositories;
    if (first === undefined || second === undefined) throw new Error("no storages");
    expect(watch?.isDead(second)).toBe(false);
    await expect(second.driver.listFolder("", signal)).rejects.toMatchObject({ code: "storage" });
    const put = first.driver.put(toObjectKey("x"), bytesSource("x"), { ifAbsent: true, signal });
    await expect(put).rejects.toThrow("for reading only");
    watch?.failed(second, new Error("no answer"));
    watch?.answered(first);
  }
  const cache = readFileSync(join(folder, ".tidemark_storage_ro_status_cache"), "utf8");
  const known: Record<string, { alive: boolean }> = JSON.parse(cache);
  const alive = Object.entries(known).map(([key, entry]) => [key.split("#")[0], entry.alive]);
  expect(alive.sort()).toEqual([
    ["default", true],
    ["second", false],
  ]);
  await using again = await openReadable(invocation());
  expect(again.repositories.map((each) => again.watch?.isDead(each))).toEqual([false, true, false]);
  await using unchecked = await openReadable(invocation({ WALG_FAILOVER_STORAGES_CHECK: "false" }));
  expect(unchecked.watch).toBeUndefined();
});

test("a mistake in one storage's settings is nobody's death", async () => {
  const map = { second: { WALG_S3_PREFIX: "no-url" } };
  const given = () => invocation({ WALG_FAILOVER_STORAGES: JSON.stringify(map) });
  await expect(readable(given())).rejects.toMatchObject({ code: "config" });
  await expect(written(given())).rejects.toMatchObject({ code: "config" });
  const empty = invocation({ WALG_FAILOVER_STORAGES: '{"second": {}}' });
  await expect(readable(empty)).rejects.toThrow("no storage is configured");
});

test("does not mind a place for its files that cannot be written", async () => {
  const given = invocation({ TIDEMARK_FAILOVER_STORAGES_CACHE_DIR: join(folder, "missing") });
  expect(await written(given)).toBe("default");
  expect(told(given)).toEqual([
    expect.stringContaining("what is known of the storages is not kept"),
  ]);
});
