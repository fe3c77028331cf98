// Proves how WAL files are looked for in several storages, and what those that fail change.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import {
  findFirstIn,
  findIn,
  findInAll,
  listingOf,
  type StorageWatch,
} from "../../../src/database/journal-lookup.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { unreachable } from "../../../src/storage/wrap/unreachable.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";
import type { Repository } from "../../../src/transfer/repository.ts";
import { memoryRepository, recordingLogger } from "../../support/memory-repository.ts";

const { signal } = new AbortController();
const NAME = "00000001000000000000000A";

async function storage(name: string, ...keys: readonly string[]): Promise<Repository> {
  const driver = new MemoryDriver(SYSTEM_CLOCK);
  for (const key of keys) {
    const path = toObjectKey(`wal_005/${key}`);
    await driver.put(path, bytesSource(`${name} ${key}`), { ifAbsent: false, signal });
  }
  return { ...(await memoryRepository("none", driver)), name };
}

async function dead(): Promise<Repository> {
  const driver = unreachable("dead", new Error("no route"));
  return { ...(await memoryRepository("none", driver)), name: "dead" };
}

function watching(deadNames: readonly string[] = []) {
  const told: string[] = [];
  const watch: StorageWatch = {
    isDead: ({ name }) => deadNames.includes(name),
    answered: ({ name }) => told.push(`${name} answered`),
    failed: ({ name }) => told.push(`${name} failed`),
  };
  return { watch, told };
}

test("finds every object of the name, in the order of the storages", async () => {
  const repositories = [await storage("a", NAME, `${NAME}.lz4`), await storage("b", `${NAME}.zst`)];
  const { log } = recordingLogger();
  const found = await findInAll(repositories, { log })(NAME, signal);
  expect(found.map(({ repository, object }) => [repository.name, object.codec])).toEqual([
    ["a", "none"],
    ["a", "lz4"],
    ["b", "zstd"],
  ]);
  expect(await findInAll(repositories, { log })("00000001000000000000000B", signal)).toEqual([]);
});

test("what others have counts, absence needs every answer", async () => {
  const { log, lines } = recordingLogger();
  const has = await storage("a", NAME);
  const empty = await storage("b");
  for (const repositories of [
    [has, await dead()],
    [await dead(), has],
  ]) {
    const { watch, told } = watching();
    const found = await findInAll(repositories, { log, watch })(NAME, signal);
    expect(found.map(({ repository }) => repository.name)).toEqual(["a"]);
    expect(told.sort()).toEqual(["a answered", "dead failed"]);
  }
  expect(lines).toEqual(Array(2).fill("warning: dead: storage failed: no route"));
  for (const repositories of [[empty, await dead()], [await dead(), empty], [await dead()]]) {
    const answer = findInAll(repositories, { log })(NAME, signal);
    await expect(answer).rejects.toMatchObject({ code: "storage" });
  }
});

test("asks a storage that is known to be dead only for what the others do not have", async () => {
  const { log, lines } = recordingLogger();
  const { watch, told } = watching(["dead", "b"]);
  const has = await storage("a", NAME);
  const found = await findInAll([await dead(), has], { log, watch })(NAME, signal);
  expect(found).toHaveLength(1);
  expect([told, lines]).toEqual([["a answered"], []]);
  const other = "00000001000000000000000B";
  const alsoHas = await storage("b", other);
  const late = await findInAll([alsoHas, has], { log, watch })(other, signal);
  expect(late.map(({ repository }) => repository.name)).toEqual(["b"]);
  const absent = findInAll([await dead(), has], { log, watch })(other, signal);
  await expect(absent).rejects.toMatchObject({ code: "storage" });
});

test("looks elsewhere only for what the first does not have", async () => {
  const has = await storage("a", NAME);
  const other = await storage("b", "00000001000000000000000B");
  const asked: string[] = [];
  const others = (name: string, stop: AbortSignal) => {
    asked.push(name);
    return findIn(other)(name, stop);
  };
  expect(await findFirstIn(has, others)(NAME, signal)).toHaveLength(1);
  expect(asked).toEqual([]);
  const [found] = await findFirstIn(has, others)("00000001000000000000000B", signal);
  expect(found?.repository.name).toBe("b");
});

test("lists all storages as one, in order, each name once", async () => {
  const { log } = recordingLogger();
  const repositories = [
    await storage("a", "00000001000000000000000A", "00000001000000000000000D"),
    await storage("b", "00000001000000000000000B", "00000001000000000000000D", "00000002.history"),
    await storage("c"),
  ];
  const listing = listingOf(repositories, log);
  const names = async (after?: string) => {
    const found: string[] = [];
    for await (const name of listing.names("0000000100", after, signal)) found.push(name);
    return found.map((name) => name.at(-1)).join("");
  };
  expect(await names()).toBe("ABD");
  expect(await names("00000001000000000000000A")).toBe("BD");
  for await (const name of listing.names("0", undefined, signal)) {
    expect(name).toBe("00000001000000000000000A");
    break;
  }
  const text = await listing.small("00000002.history", signal);
  expect(new TextDecoder().decode(text)).toBe("b 00000002.history");
  expect(await listing.small("00000003.history", signal)).toBeUndefined();
});

test("a listing that lacks a storage is none", async () => {
  const { log } = recordingLogger();
  const listing = listingOf([await storage("a", NAME), await dead()], log);
  const walk = async () => {
    for await (const _ of listing.names("0", undefined, signal));
  };
  await expect(walk()).rejects.toMatchObject({ code: "storage" });
});

test("an interruption is no answer", async () => {
  const { log } = recordingLogger();
  const { watch, told } = watching();
  const stop = AbortSignal.abort(new Error("stopped"));
  const repositories = [await storage("a", NAME)];
  await expect(findInAll(repositories, { log, watch })(NAME, stop)).rejects.toThrow("stopped");
  expect(told).toEqual([]);
});
