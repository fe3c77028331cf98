// Proves what the driver of object services makes of strange listings and of partial deletes.
import { describe, expect, test } from "vitest";
import { ByteBudget } from "../../../../src/base/byte-budget.ts";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { SILENT_LOGGER } from "../../../../src/base/log.ts";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { S3_ERRORS } from "../../../../src/storage/s3/errors.ts";
import type { ListPage } from "../../../../src/storage/service/api.ts";
import { ServiceDriver } from "../../../../src/storage/service/driver.ts";
import { bytesSource } from "../../../../src/stream/byte-stream.ts";
import { FakeObjectApi, failure } from "../../../support/fake-object-api.ts";
import { quickPolicy } from "../../../support/retry-policy.ts";

const NEVER = new AbortController().signal;
const MIB = 1024 * 1024;

function setup() {
  const api = new FakeObjectApi();
  const driver = new ServiceDriver({
    name: "s3://bucket/p",
    keyPrefix: "p/",
    api,
    budget: new ByteBudget(16 * MIB),
    sizing: {
      partsMax: 10_000,
      partBytesMin: MIB,
      partBytesMax: MIB,
      budgetBytes: 16 * MIB,
      partsInFlightMax: 4,
    },
    errors: S3_ERRORS,
    partSizeSetting: "S3_MAX_PART_SIZE",
    policy: quickPolicy(1),
    resumesMax: 0,
    connectionsMax: 5,
    deleteBatchMax: 3,
    conditionalPut: true,
    clock: SYSTEM_CLOCK,
    log: SILENT_LOGGER,
  });
  return { api, driver };
}

function pagesOf(api: FakeObjectApi, pages: readonly (readonly string[])[], next = "more") {
  let page = 0;
  api.listPage = async (): Promise<ListPage> => {
    const names = pages[page] ?? [];
    page += 1;
    return {
      objects: names.map((name) => ({ name, sizeBytes: 1, modifiedAt: new Date(0) })),
      folders: [],
      continueAt: page < pages.length ? `${next}` : undefined,
    };
  };
}

async function keysOf(driver: ServiceDriver): Promise<string[]> {
  const found = await Array.fromAsync(driver.list("", { signal: NEVER }));
  return found.map(({ key }) => key);
}

describe("ServiceDriver", () => {
  test("leaves out folder markers and names that no key can have", async () => {
    const { api, driver } = setup();
    pagesOf(api, [["p/", "p/a", "p/b/", "p/b/1", "p/c//d"]]);
    expect(await keysOf(driver)).toEqual(["a", "b/1"]);
  });

  test("a listing out of order, or twice the same, is an error", async () => {
    for (const pages of [[["p/b", "p/a"]], [["p/a"], ["p/a"]]]) {
      const { api, driver } = setup();
      pagesOf(api, pages);
      const last = pages.flat().at(-1)?.slice(2) ?? "";
      await expect(keysOf(driver)).rejects.toThrow(
        `s3://bucket/p: storage failed: the listing is out of order at ${last}`,
      );
    }
  });

  test("a listing that goes round in circles is an error", async () => {
    const { api, driver } = setup();
    pagesOf(api, [["p/a"], ["p/b"], ["p/c"], ["p/d"]], "same");
    await expect(keysOf(driver)).rejects.toThrow("out of order");
  });

  test("deletes in batches, takes absent keys, and reports what failed", async () => {
    const { api, driver } = setup();
    const keys = ["1", "2", "3", "4", "5", "6", "7"].map(toObjectKey);
    await driver.delete(keys, NEVER);
    expect(api.calls).toEqual(["delete", "delete", "delete"]);
    api.deleteObjects = async () => [
      { name: "p/1", code: "NoSuchKey", message: "", isAbsent: true },
      { name: "p/2", code: "InternalError", message: "try again", isAbsent: false },
    ];
    await expect(driver.delete(keys, NEVER)).rejects.toMatchObject({
      isTransient: true,
      message: "s3://bucket/p: storage failed: InternalError: 2: try again (2 of 3)",
    });
    api.deleteObjects = async () => [
      { name: "p/1", code: "NoSuchKey", message: "", isAbsent: true },
    ];
    await driver.delete(keys, NEVER);
  });

  test("names the storage and our key in errors, each once, whatever fails", async () => {
    const { api, driver } = setup();
    api.before = () => {
      throw failure(503, "ServiceUnavailable");
    };
    const key = toObjectKey("wal_005/1.lz4");
    const body = { ...bytesSource(new Uint8Array([7])), sizeBytes: 1 };
    const list = async (prefix: string) =>
      await Array.fromAsync(driver.list(prefix, { signal: NEVER }));
    const calls: readonly (readonly [() => Promise<unknown>, string])[] = [
      [() => driver.stat(key, NEVER), "/wal_005/1.lz4"],
      [() => driver.get(key, { signal: NEVER }), "/wal_005/1.lz4"],
      [() => driver.put(key, body, { ifAbsent: false, signal: NEVER }), "/wal_005/1.lz4"],
      [() => driver.delete([key], NEVER), "/wal_005/1.lz4"],
      [() => list("wal_005/"), "/wal_005/"],
      [() => list(""), ""],
      [() => driver.listFolder("wal_005", NEVER), "/wal_005/"],
    ];
    for (const [call, place] of calls) {
      const error = await call().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({
        message: expect.stringMatching(new RegExp(`^s3://bucket/p${place}: storage failed: `)),
      });
      expect(String(error).split("s3://bucket/p")).toHaveLength(2);
      expect(String(error)).not.toContain("p/p/");
    }
  });

  test("asks once whether the bucket is there before it says that an object is not", async () => {
    const { api, driver } = setup();
    const key = toObjectKey("a");
    await expect(driver.stat(key, NEVER)).rejects.toMatchObject({ code: "object-not-found" });
    await expect(driver.stat(key, NEVER)).rejects.toMatchObject({ code: "object-not-found" });
    expect(api.calls).toEqual(["head", "get", "head"]);
    const other = setup();
    other.api.before = (call) => {
      throw failure(404, call === "get" ? "NoSuchBucket" : "");
    };
    await expect(other.driver.stat(key, NEVER)).rejects.toMatchObject({ code: "storage" });
  });

  test("its traits are those of its settings, and close closes the client", async () => {
    const { api, driver } = setup();
    expect(driver.traits).toMatchObject({
      conditionalPut: true,
      connectionsMax: 5,
      deleteBatchMax: 3,
      retriesPut: true,
    });
    await driver.close();
    expect(api.calls).toEqual(["close"]);
  });
});
