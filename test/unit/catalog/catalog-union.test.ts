// Proves that several storages are looked at as one, and that one which cannot be asked is never
// taken for one that has nothing.
import { beforeEach, expect, test } from "vitest";
import type { Clock } from "../../../src/base/clock.ts";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import { CatalogUnion, type NamedDriver } from "../../../src/catalog/catalog-union.ts";
import type { BackupSelector } from "../../../src/catalog/selector.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { unreachable } from "../../../src/storage/wrap/unreachable.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";

const { signal } = new AbortController();
const A = "base_00000001000000000000000A";
const B = "base_00000001000000000000000B";
const C = "base_00000001000000000000000C";
const DEAD: NamedDriver = { name: "dead", driver: unreachable("dead", new Error("no route")) };
let nowMs: number;
const clock: Clock = { ...SYSTEM_CLOCK, now: () => new Date(nowMs) };
let first: NamedDriver;
let second: NamedDriver;

async function store({ driver }: NamedDriver, backup: string, atMs: number, userData = backup) {
  nowMs = atMs;
  const put = (name: string, text: string) => {
    const key = toObjectKey(`basebackups_005/${name}`);
    return driver.put(key, bytesSource(text), { ifAbsent: false, signal });
  };
  await put(`${backup}/metadata.json`, JSON.stringify({ user_data: userData }));
  await put(`${backup}_backup_stop_sentinel.json`, "{}");
}

beforeEach(async () => {
  first = { name: "default", driver: new MemoryDriver(clock) };
  second = { name: "second", driver: new MemoryDriver(clock) };
  await store(first, A, 1000);
  await store(first, B, 3000);
  await store(second, B, 2000);
  await store(second, C, 4000);
});

function union(...repositories: readonly NamedDriver[]) {
  return new CatalogUnion({ repositories, database: "postgres" });
}

async function found(selector: BackupSelector, ...repositories: readonly NamedDriver[]) {
  const { entry, repository } = await union(...repositories).find(selector, signal);
  return [entry.name, repository.name];
}

const byName = (name: string) => ({ by: "name", name }) as const;
const byData = (userData: string) => ({ by: "user-data", userData }) as const;
const LATEST = { by: "latest" } as const;

test("lists all, a name twice where two storages have it", async () => {
  const { backups, failures } = await union(first, second).list(signal);
  expect(failures).toEqual([]);
  expect(backups.map(({ entry, repository }) => [entry.name, repository.name])).toEqual([
    [A, "default"],
    [B, "second"],
    [B, "default"],
    [C, "second"],
  ]);
  const named = await union(first, second).byName(signal);
  expect([...named].map(([name, { repository }]) => [name, repository.name])).toEqual([
    [A, "default"],
    [B, "default"],
    [C, "second"],
  ]);
});

test("finds the newest of all, and of two storages that have a name the first", async () => {
  expect(await found(LATEST, first, second)).toEqual([C, "second"]);
  expect(await found(byName(B), first, second)).toEqual([B, "default"]);
  expect(await found(byName(B), second, first)).toEqual([B, "second"]);
  expect(await found(byName(C), first, second)).toEqual([C, "second"]);
  expect(await found(byData(C), first, second)).toEqual([C, "second"]);
  expect(await found(byData(B), first, second)).toEqual([B, "default"]);
});

test("refuses user data that two backups have", async () => {
  await store(second, C, 5000, A);
  await expect(found(byData(A), first, second)).rejects.toMatchObject({ code: "usage" });
});

test("says that there is none when all answered", async () => {
  const absent = { code: "backup-not-found" };
  const name = "base_0000000100000000000000FF";
  await expect(found(byName(name), first, second)).rejects.toMatchObject(absent);
  await expect(found(byData("x"), first, second)).rejects.toMatchObject(absent);
  const empty = { name: "default", driver: new MemoryDriver(clock) };
  await expect(found(LATEST, empty, empty)).rejects.toMatchObject(absent);
});

test("does not choose where a storage cannot be asked, and says how to go on", async () => {
  const failure = {
    code: "storage",
    storage: "dead",
    message: "storage dead cannot be asked for backups: dead: storage failed: no route",
    hint: "What is wanted may lie there; --target-storage=second leaves it out.",
  };
  for (const selector of [LATEST, byData(C), byName(A)]) {
    await expect(found(selector, DEAD, second)).rejects.toMatchObject(failure);
  }
  await expect(union(DEAD, second).byName(signal)).rejects.toMatchObject(failure);
  expect(await found(byName(C), DEAD, second)).toEqual([C, "second"]);
  const { backups, failures } = await union(DEAD, second).list(signal);
  expect(backups.map(({ entry }) => entry.name)).toEqual([B, C]);
  expect(failures).toMatchObject([failure]);
});

test("one storage alone fails as it is", async () => {
  const failure = { code: "storage", message: "dead: storage failed: no route" };
  await expect(found(LATEST, DEAD)).rejects.toMatchObject(failure);
  await expect(union(DEAD).list(signal)).rejects.toMatchObject(failure);
});

test("damage is an error of its own, wherever it lies", async () => {
  const key = toObjectKey(`basebackups_005/${C}/metadata.json`);
  await second.driver.put(key, bytesSource("{"), { ifAbsent: false, signal });
  await expect(found(byData(A), first, second)).rejects.toMatchObject({ code: "corrupt-object" });
});
