// What must hold under each fault on the way to an object service, whatever the service.
import { beforeAll, describe, expect, test } from "vitest";
import { defined } from "../../src/base/assert.ts";
import {
  AccessDeniedError,
  ObjectExistsError,
  ObjectNotFoundError,
  StorageUnavailableError,
} from "../../src/storage/errors.ts";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { bytesSource, collect } from "../../src/stream/byte-stream.ts";
import type { Fault, FaultProxy } from "../support/fault-proxy.ts";
import { listed, NEVER, pattern, put, read } from "./storage-driver.calls.ts";
import {
  ATTEMPTS_MAX,
  type FaultDialect,
  type FaultyService,
  MIB,
  streamOf,
} from "./storage-driver.faulty-service.ts";

const BYTES = pattern(3 * MIB, 1);

export function testReadFaults(dialect: FaultDialect): void {
  const { service, answer } = dialect;
  const open: FaultyService["open"] = (...options) => service().open(...options);
  const arm: FaultProxy["arm"] = (...rules) => service().proxy.arm(...rules);
  const internal = answer(500);

  describe(`${dialect.name}, reading under faults:`, () => {
    const key = toObjectKey("read/object.bin");
    beforeAll(async () => {
      arm();
      await put((await open()).driver, key, BYTES);
    });

    const broken: readonly Fault[] = [
      { kind: "reset-body", afterBytes: 1_000_000 },
      { kind: "cut-body", afterBytes: 2_000_001 },
      { kind: "stall-body", afterBytes: 500_000 },
      { kind: "reset-body", afterBytes: 0 },
    ];
    test.each(broken)("a stream broken by $kind ($afterBytes bytes) goes on", async (fault) => {
      const { driver } = await open();
      arm({ method: "GET", times: 2, fault });
      expect(Bun.deepEquals(await read(driver, key), BYTES)).toBe(true);
      expect(service().proxy.seen.length).toBeGreaterThan(1);
    });

    test("a ranged stream goes on within its range", async () => {
      const { driver } = await open();
      arm({ method: "GET", fault: { kind: "cut-body", afterBytes: 700_000 } });
      const range = { offset: 1000, length: 1_500_000 };
      const part = await collect(await driver.get(key, { range, signal: NEVER }), MIB * 3);
      expect(Bun.deepEquals(new Uint8Array(part), BYTES.slice(1000, 1_501_000))).toBe(true);
      const asked = service().proxy.seen.at(-1)?.headers;
      expect(asked?.range ?? asked?.["x-ms-range"]).toMatch(/^bytes=\d+-1500999$/);
    });

    test("a stream does not go on with another object of the name", async () => {
      const replaced = toObjectKey("read/replaced.bin");
      const other = await open();
      const replace = () => put(other.driver, replaced, pattern(3 * MIB, 2));
      const { driver } = await open({}, { beforeRetry: replace });
      await put(driver, replaced, BYTES);
      arm({ method: "GET", fault: { kind: "cut-body", afterBytes: 1_000_000 } });
      await expect(read(driver, replaced)).rejects.toThrow("replaced while it was read");
    });

    test("a length that is not true is an error, never another object", async () => {
      const { driver, policy } = await open();
      for (const extraBytes of [1, 1000, 10 * MIB]) {
        arm({ method: "GET", fault: { kind: "overstate", extraBytes } });
        policy.retries.length = 0;
        await expect(read(driver, key)).rejects.toThrow("more bytes than the object has");
        // Where it broke it is asked for the rest once: no repetition of that would help.
        expect(policy.retries.length).toBeLessThan(2);
      }
    });

    test("a stream that breaks again and again gives up", async () => {
      const { driver } = await open();
      arm({ method: "GET", times: 99, fault: { kind: "cut-body", afterBytes: 10_000 } });
      await expect(read(driver, key)).rejects.toBeInstanceOf(StorageUnavailableError);
    });

    test("get, stat, list and listFolder are repeated after 500", async () => {
      const { driver, policy } = await open();
      for (const call of [
        () => read(driver, key),
        () => driver.stat(key, NEVER),
        () => listed(driver, "read/"),
        () => driver.listFolder("read/", NEVER),
      ]) {
        arm({ times: 2, fault: internal });
        policy.retries.length = 0;
        await call();
        expect(policy.retries).toHaveLength(2);
      }
    });

    test("silence instead of an answer is ended and repeated", async () => {
      const { driver } = await open();
      for (const call of [() => driver.stat(key, NEVER), () => listed(driver, "read/object")]) {
        arm({ fault: { kind: "stall" } });
        await call();
        expect(service().proxy.seen.map(({ fault }) => fault)).toEqual(["stall", undefined]);
      }
    });

    test("a listing that was cut or is nonsense is repeated, never taken as short", async () => {
      const { driver, policy } = await open();
      for (const fault of [
        { kind: "cut-body", afterBytes: 20 },
        { kind: "answer", status: 200, body: "<html>Log in first</html>" },
        { kind: "answer", status: 200, body: '{"kind":"storage#objects","items":[{"name":"a"' },
        { kind: "answer", status: 200, body: "<EnumerationResults><Blobs><Blob><Name>a" },
        { kind: "answer", status: 200, body: "{}" },
        { kind: "answer", status: 200, body: "" },
        { kind: "overstate", extraBytes: 1000 },
        ...[0.2, 0.4, 0.6, 0.8, 0.9, 0.99].map((keptShare) => ({ kind: "shorten", keptShare })),
      ] as readonly Fault[]) {
        arm({ ...dialect.listing, fault });
        policy.retries.length = 0;
        expect((await listed(driver, "read/object")).map((info) => info.key)).toEqual([key]);
        expect(policy.retries).toHaveLength(1);
      }
    });

    test("a service that ignores ranges is an error, not the wrong bytes", async () => {
      const { driver } = await open();
      const headers = { etag: '"1"', "x-goog-generation": "1" };
      arm({ method: "GET", fault: { kind: "answer", status: 200, body: "0123456789", headers } });
      const get = driver.get(key, { range: { offset: 3, length: 4 }, signal: NEVER });
      await expect(get).rejects.toThrow("another range");
    });

    test("a foreign answer is no object, and refused credentials are said at once", async () => {
      const { driver, policy } = await open();
      arm({
        method: "GET",
        times: 2,
        fault: { kind: "answer", status: 200, body: "<html></html>" },
      });
      expect(Bun.deepEquals(await read(driver, key), BYTES)).toBe(true);
      expect(policy.retries).toHaveLength(2);
      arm({ times: 99, fault: answer(403) });
      policy.retries.length = 0;
      await expect(read(driver, key)).rejects.toBeInstanceOf(AccessDeniedError);
      await expect(listed(driver, "")).rejects.toBeInstanceOf(AccessDeniedError);
      expect(policy.retries).toEqual([]);
    });

    test("neither an absent bucket nor an unknown host is an absent object", async () => {
      arm();
      for (const settings of [dialect.absentBucket, dialect.unknownHost]) {
        const { driver } = await open(settings);
        const absent = toObjectKey("absent");
        for (const call of [
          () => driver.stat(absent, NEVER),
          () => driver.get(absent, { signal: NEVER }),
          () => put(driver, absent, pattern(3, 1)),
          () => listed(driver, ""),
        ]) {
          const error = await call().catch((caught: unknown) => caught);
          expect(error).toBeInstanceOf(StorageUnavailableError);
          expect(error).not.toBeInstanceOf(ObjectNotFoundError);
        }
      }
    });
  });
}

export function testWriteFaults(dialect: FaultDialect): void {
  const { service, answer, partBytes, largeBytes } = dialect;
  const open: FaultyService["open"] = (...options) => service().open(...options);
  const arm: FaultProxy["arm"] = (...rules) => service().proxy.arm(...rules);
  const internal = answer(500);

  describe(`${dialect.name}, writing under faults:`, () => {
    test("a put is repeated after errors, resets and silence, also of a stream", async () => {
      const { driver, policy } = await open();
      const faults = [
        answer(503),
        internal,
        { kind: "reset" },
        { kind: "stall" },
        { kind: "reset-request", afterBytes: 10_000 },
        { kind: "stall-request", afterBytes: 10_000 },
      ] as const;
      for (const [index, fault] of faults.entries()) {
        const key = toObjectKey(`put/${index}`);
        const bytes = pattern(30_000, index);
        arm({ ...dialect.whole, times: 2, fault });
        policy.retries.length = 0;
        await driver.put(key, streamOf(bytes), { ifAbsent: false, signal: NEVER });
        expect(service().proxy.seen.map((seen) => seen.fault)).toEqual([
          fault.kind,
          fault.kind,
          undefined,
        ]);
        expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
      }
    });

    test("429 is waited for as long as Retry-After says, and counts as throttling", async () => {
      const { driver, policy } = await open();
      arm({ ...dialect.whole, fault: answer(429, { "retry-after": "7" }) });
      await put(driver, toObjectKey("throttled"), pattern(10, 1));
      expect(policy.retries).toMatchObject([{ attempt: 1, delayMs: 7000 }]);
      expect(policy.retries[0]?.error).toMatchObject({ isThrottled: true, retryAfterMs: 7000 });
    });

    test("after the last attempt the error is the service's, and nothing is stored", async () => {
      const { driver } = await open();
      const key = toObjectKey("never");
      arm({ ...dialect.whole, times: 99, fault: internal });
      const error = await put(driver, key, pattern(10, 1)).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(StorageUnavailableError);
      expect(error).toMatchObject({ isTransient: true, key });
      expect(service().proxy.seen).toHaveLength(ATTEMPTS_MAX);
      await expect(driver.stat(key, NEVER)).rejects.toBeInstanceOf(ObjectNotFoundError);
    });

    test.each(["answer", "reset", "reset-request"] as const)(
      "after %s of a large object only the part that failed is sent again",
      async (kind) => {
        const { driver } = await open();
        const key = toObjectKey(`one-part-${kind}`);
        const bytes = pattern(largeBytes, 5);
        const fault = kind === "answer" ? internal : { kind, afterBytes: 100_000 };
        arm({ ...dialect.part, skip: 1, fault });
        await driver.put(key, streamOf(bytes), { ifAbsent: true, signal: NEVER });
        const sentBytes = service().proxy.seen.reduce(
          (sum, { headers }) => sum + Number(headers["content-length"] ?? 0),
          0,
        );
        expect(service().proxy.seen.some((seen) => seen.fault === kind)).toBe(true);
        expect(sentBytes).toBeLessThan(largeBytes + partBytes + 20_000);
        expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
      },
    );

    test("a part that was stored and whose answer was lost is not stored twice", async () => {
      const { driver } = await open();
      for (const fault of [
        { kind: "reset", isForwarded: true },
        { ...internal, isForwarded: true },
      ] as const) {
        const key = toObjectKey(`part-answer-lost-${fault.kind}`);
        const bytes = pattern(largeBytes, 6);
        arm({ ...dialect.part, times: 2, fault });
        await driver.put(key, streamOf(bytes), { ifAbsent: true, signal: NEVER });
        expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
      }
    });

    test("a part that never succeeds ends the put, and nothing is stored", async () => {
      const { driver } = await open();
      const key = toObjectKey("no-part");
      arm({ ...dialect.part, skip: 1, times: 99, fault: internal });
      await expect(put(driver, key, pattern(largeBytes, 6))).rejects.toMatchObject({
        code: "storage",
        isTransient: true,
      });
      arm();
      await expect(driver.stat(key, NEVER)).rejects.toBeInstanceOf(ObjectNotFoundError);
    });

    test("a success that is not the service's is none", async () => {
      const { driver } = await open();
      for (const body of ["<html>Log in first</html>", "", "{}"]) {
        const key = toObjectKey("foreign-success");
        arm({ ...dialect.whole, times: 99, fault: { kind: "answer", status: 200, body } });
        await expect(put(driver, key, pattern(100, 1))).rejects.toBeInstanceOf(
          StorageUnavailableError,
        );
        arm();
        await expect(driver.stat(key, NEVER)).rejects.toBeInstanceOf(ObjectNotFoundError);
        arm({ ...dialect.commit, fault: { kind: "answer", status: 200, body } });
        const bytes = pattern(largeBytes, 7);
        await put(driver, toObjectKey("foreign-commit"), bytes);
        expect(Bun.deepEquals(await read(driver, toObjectKey("foreign-commit")), bytes)).toBe(true);
      }
    });

    test("a write whose answer was lost is known as its own, not as somebody else's", async () => {
      const { driver } = await open();
      const lost = [
        { kind: "reset", isForwarded: true },
        { ...internal, isForwarded: true },
      ] as const;
      for (const [index, fault] of lost.entries()) {
        for (const sizeBytes of [1000, largeBytes]) {
          const key = toObjectKey(`lost-answer/${index}-${sizeBytes}`);
          const bytes = pattern(sizeBytes, 8);
          arm({ ...(sizeBytes === largeBytes ? dialect.commit : dialect.whole), fault });
          await driver.put(key, bytesSource(bytes), { ifAbsent: true, signal: NEVER });
          expect(service().proxy.seen.some((seen) => seen.fault === fault.kind)).toBe(true);
          expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
          // The same bytes once more are somebody else's write.
          const again = driver.put(key, bytesSource(bytes), { ifAbsent: true, signal: NEVER });
          await expect(again).rejects.toBeInstanceOf(ObjectExistsError);
        }
      }
    });

    test("deletions are repeated, and one that fails for good is said", async () => {
      const { driver } = await open();
      const keys = ["delete/1", "delete/2", "delete/3"].map(toObjectKey);
      for (const key of keys) await put(driver, key, pattern(5, 1));
      arm({ times: 1, fault: internal });
      await driver.delete(keys, NEVER);
      expect(await listed(driver, "delete/")).toEqual([]);
      await put(driver, defined(keys[0], "a key"), pattern(5, 1));
      arm({ times: 99, fault: answer(403) });
      await expect(driver.delete(keys, NEVER)).rejects.toBeInstanceOf(AccessDeniedError);
      arm();
      expect(await listed(driver, "delete/")).toHaveLength(1);
    });
  });
}
