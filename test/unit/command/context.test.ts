// Proves that settings open a repository with their storage, codec and cipher; on real directories.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  openNamedRepository,
  openRepository,
  type RepositoryLimits,
} from "../../../src/command/context.ts";
import { GLOBAL_OPTIONS } from "../../../src/command/global-options.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { testInvocation } from "../../support/invocation.ts";

const folder = mkdtempSync(join(tmpdir(), "tidemark-context-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const { signal } = new AbortController();

function invocation(environment: Record<string, string> = {}, isWalg = false) {
  return testInvocation(
    { options: [] },
    { environment: { WALG_FILE_PREFIX: folder, ...environment }, isWalg },
  );
}

const body = {
  sizeBytes: 1,
  replayable: true,
  async *open() {
    yield new Uint8Array([7]);
  },
};

test("opens what the settings say", async () => {
  await using usual = await openRepository(invocation(), "write");
  expect([usual.name, usual.codec.name, usual.cipher.name]).toEqual(["default", "zstd", "none"]);
  await using walg = await openRepository(invocation({}, true), "write");
  expect(walg.codec.name).toBe("lz4");
  const environment = {
    WALG_COMPRESSION_METHOD: "brotli",
    WALG_LIBSODIUM_KEY: "a key of at least 25 characters",
  };
  await using other = await openRepository(invocation(environment), "write");
  expect([other.codec.name, other.cipher.name]).toEqual(["brotli", "libsodium"]);
});

test("writes and reads, and refuses to write when opened for reading", async () => {
  const key = toObjectKey("a/b");
  await using writer = await openRepository(invocation(), "write");
  await writer.driver.put(key, body, { ifAbsent: true, signal });
  await using reader = await openRepository(invocation(), "read");
  expect((await reader.driver.stat(key, signal)).sizeBytes).toBe(1);
  const refused = reader.driver.put(key, body, { ifAbsent: false, signal });
  await expect(refused).rejects.toThrow("for reading only");
});

test("loads a codec for reading once", async () => {
  await using repository = await openRepository(invocation(), "read");
  const lz4 = await repository.codecFor("lz4");
  expect(lz4.name).toBe("lz4");
  expect(await repository.codecFor("lz4")).toBe(lz4);
  expect(await repository.codecFor("zstd")).toBe(repository.codec);
});

test("fails on settings that no repository can be opened with", async () => {
  const open = (environment: Record<string, string>) =>
    openRepository(testInvocation({ options: [] }, { environment }), "read");
  await expect(open({})).rejects.toThrow("no storage is configured");
  await expect(open({ WALG_FILE_PREFIX: folder, WALG_ZSTD_LEVEL: "huge" })).rejects.toThrow(
    "ZSTD_LEVEL",
  );
});

test.each(["read", "write"] as const)(
  "refuses storages that are not there, to %s",
  async (purpose) => {
    const open = (target: string) =>
      openRepository(invocation({ WALG_TARGET_STORAGE: target }), purpose);
    for (const target of ["second", "all"]) {
      await expect(open(target)).rejects.toMatchObject({
        code: "config",
        message: `storage with name "${target}" is not found, available storages: [default]`,
      });
    }
    await using repository = await open("Default");
    expect(repository.name).toBe("default");
  },
);

test("opens the storage of a name, with the codec and the cipher of all", async () => {
  const second = mkdtempSync(join(folder, "second-"));
  const map = { Second: { WALG_FILE_PREFIX: second } };
  const environment = {
    WALG_FAILOVER_STORAGES: JSON.stringify(map),
    WALG_STORAGE_PREFIX: "below",
    WALG_TARGET_STORAGE: "SECOND",
    WALG_COMPRESSION_METHOD: "lz4",
  };
  await using targeted = await openRepository(invocation(environment), "write");
  const facts = ({ name, codec, driver }: typeof targeted) => [name, codec.name, driver.name];
  expect(facts(targeted)).toEqual(["second", "lz4", `file://${second}/below`]);
  await using named = await openNamedRepository(invocation(environment), "read", {
    name: "default",
  });
  expect(facts(named)).toEqual(["default", "lz4", `file://${folder}/below`]);
});

test("refuses to write with a level of zstd and another method", async () => {
  const level = { WALG_ZSTD_LEVEL: "best" };
  const both = { ...level, WALG_COMPRESSION_METHOD: "lz4" };
  await expect(openRepository(invocation(both), "write")).rejects.toMatchObject({
    code: "config",
    message: "ZSTD_LEVEL is set, and COMPRESSION_METHOD is lz4",
  });
  await using reader = await openRepository(invocation(both), "read");
  expect(reader.codec.name).toBe("lz4");
  const zstd = { ...level, WALG_COMPRESSION_METHOD: "zstd" };
  await using given = await openRepository(invocation(zstd), "write");
  await using usual = await openRepository(invocation(level), "write");
  await using walg = await openRepository(invocation(level, true), "write");
  expect([given, usual, walg].map(({ codec }) => codec.name)).toEqual(["zstd", "zstd", "lz4"]);
});

test("moves objects at the rate of the command's key, which --turbo lifts", async () => {
  const environment = { WALG_FILE_PREFIX: folder, WALG_NETWORK_RATE_LIMIT: "1000" };
  const key = toObjectKey("limited/object");
  const waits = async (
    rateKey: RepositoryLimits["rateKey"],
    words: readonly string[] = [],
  ): Promise<number> => {
    const made = testInvocation({ options: GLOBAL_OPTIONS }, { environment, words });
    let sleptMs = 0;
    const sleep = async (delayMs: number) => void (sleptMs += delayMs);
    const limits = rateKey === undefined ? {} : { rateKey };
    const clock = { ...made.clock, sleep };
    await using repository = await openRepository({ ...made, clock }, "write", limits);
    const content = { ...body, open: () => chunksOf(new Uint8Array(100), 10) };
    const sized = { ...content, sizeBytes: 1000 };
    await repository.driver.put(key, sized, { ifAbsent: false, signal });
    return sleptMs;
  };
  expect(await waits("NETWORK_RATE_LIMIT")).toBeGreaterThan(900);
  expect(await waits("NETWORK_RATE_LIMIT", ["--turbo"])).toBe(0);
  expect(await waits("WAL_NETWORK_RATE_LIMIT")).toBe(0);
  expect(await waits(undefined)).toBe(0);
});

async function* chunksOf(chunk: Uint8Array, count: number) {
  for (let index = 0; index < count; index += 1) yield chunk;
}
