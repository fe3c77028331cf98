// Proves what get, stat and listings do under faults, by spoiling answers of MinIO.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  AccessDeniedError,
  ObjectNotFoundError,
  StorageUnavailableError,
} from "../../src/storage/errors.ts";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { collect } from "../../src/stream/byte-stream.ts";
import type { Fault } from "../support/fault-proxy.ts";
import { MINIO_HOOK_TIMEOUT_MS } from "../support/minio.ts";
import { listed, NEVER, pattern, put, read } from "./storage-driver.calls.ts";
import {
  errorBody,
  type FaultyServer,
  MIB,
  startFaultyServer,
} from "./storage-driver.s3-faults.ts";

let server: FaultyServer;
beforeAll(async () => {
  server = await startFaultyServer();
}, MINIO_HOOK_TIMEOUT_MS);
afterAll(() => server?.stop());

const BYTES = pattern(3 * MIB, 1);
const INTERNAL = { kind: "answer", status: 500, body: errorBody("InternalError") } as const;

describe.each(["direct", "sdk"] as const)("S3 faults, %s:", (path) => {
  const key = toObjectKey(`${path}/object.bin`);
  beforeAll(async () => {
    const { driver } = await server.open(path);
    server.proxy.arm();
    await put(driver, key, BYTES);
  });

  const broken: readonly Fault[] = [
    { kind: "reset-body", afterBytes: 1_000_000 },
    { kind: "cut-body", afterBytes: 2_000_001 },
    { kind: "stall-body", afterBytes: 500_000 },
    { kind: "reset-body", afterBytes: 0 },
  ];
  test.each(broken)("a stream broken by $kind after $afterBytes bytes goes on", async (fault) => {
    const { driver } = await server.open(path);
    server.proxy.arm({ method: "GET", times: 2, fault });
    expect(Bun.deepEquals(await read(driver, key), BYTES)).toBe(true);
    const [first, ...others] = server.proxy.seen;
    expect(first?.headers.range).toBeUndefined();
    expect(others.length).toBeGreaterThan(0);
    for (const { headers } of others) {
      // The runtime itself may have sent the request again while no byte of it was given out.
      if (headers.range === undefined) continue;
      expect(headers.range).toMatch(/^bytes=\d+-3145727$/);
      expect(headers["if-match"]).toMatch(/^"[0-9a-f]{32}"$/);
    }
  });

  test("a ranged stream goes on within its range", async () => {
    const { driver } = await server.open(path);
    server.proxy.arm({ method: "GET", fault: { kind: "cut-body", afterBytes: 700_000 } });
    const range = { offset: 1000, length: 1_500_000 };
    const part = await collect(await driver.get(key, { range, signal: NEVER }), MIB * 3);
    expect(Bun.deepEquals(new Uint8Array(part), BYTES.slice(1000, 1_501_000))).toBe(true);
    expect(server.proxy.seen.at(-1)?.headers.range).toMatch(/^bytes=\d+-1500999$/);
  });

  test("a stream does not go on with another object of the name", async () => {
    const replaced = toObjectKey(`${path}/replaced.bin`);
    const other = await server.open(path);
    const replace = () => put(other.driver, replaced, pattern(3 * MIB, 2));
    const { driver } = await server.open(path, {}, replace);
    await put(driver, replaced, BYTES);
    server.proxy.arm({ method: "GET", fault: { kind: "cut-body", afterBytes: 1_000_000 } });
    await expect(read(driver, replaced)).rejects.toThrow("replaced while it was read");
  });

  test("a stream that breaks again and again gives up", async () => {
    const { driver } = await server.open(path, { S3_RANGE_MAX_RETRIES: "2" });
    server.proxy.arm({ method: "GET", times: 99, fault: { kind: "cut-body", afterBytes: 10_000 } });
    await expect(read(driver, key)).rejects.toBeInstanceOf(StorageUnavailableError);
  });

  test("get, stat, list and listFolder are repeated after 500", async () => {
    const { driver, policy } = await server.open(path);
    const folder = `${path}/`;
    for (const call of [
      () => read(driver, key),
      () => driver.stat(key, NEVER),
      () => listed(driver, folder),
      () => driver.listFolder(folder, NEVER),
    ]) {
      server.proxy.arm({ times: 2, fault: INTERNAL });
      policy.retries.length = 0;
      await call();
      expect(policy.retries).toHaveLength(2);
    }
  });

  test("silence instead of an answer is ended and repeated", async () => {
    const { driver } = await server.open(path);
    server.proxy.arm({ method: "HEAD", fault: { kind: "stall" } });
    expect((await driver.stat(key, NEVER)).sizeBytes).toBe(BYTES.byteLength);
    server.proxy.arm({ method: "GET", fault: { kind: "stall" } });
    expect((await listed(driver, `${path}/object`)).map((info) => info.key)).toEqual([key]);
  });

  test("a listing that was cut or is nonsense is repeated, never taken as short", async () => {
    const { driver, policy } = await server.open(path);
    for (const fault of [
      { kind: "cut-body", afterBytes: 150 },
      { kind: "answer", status: 200, body: "<ListBucketResult><Contents><Key>a" },
      { kind: "answer", status: 200, body: "" },
    ] as const) {
      server.proxy.arm({ method: "GET", fault });
      policy.retries.length = 0;
      expect((await listed(driver, `${path}/object`)).map((info) => info.key)).toEqual([key]);
      expect(policy.retries).toHaveLength(1);
    }
  });

  test("a service that ignores ranges is an error, not the wrong bytes", async () => {
    const { driver } = await server.open(path);
    const headers = { etag: '"1"' };
    const fault = { kind: "answer", status: 200, body: "0123456789", headers } as const;
    server.proxy.arm({ method: "GET", fault });
    const range = { offset: 3, length: 4 };
    const get = driver.get(key, { range, signal: NEVER });
    await expect(get).rejects.toThrow("another range");
  });

  test("an answer that is not the service's is neither an object nor a success", async () => {
    const { driver, policy } = await server.open(path);
    const fault = { kind: "answer", status: 200, body: "<html>Log in first</html>" } as const;
    server.proxy.arm({ method: "GET", times: 2, fault });
    expect(Bun.deepEquals(await read(driver, key), BYTES)).toBe(true);
    expect(policy.retries).toHaveLength(2);
    const other = toObjectKey(`${path}/not-stored.bin`);
    server.proxy.arm({ method: "PUT", times: 99, fault });
    await expect(put(driver, other, BYTES)).rejects.toBeInstanceOf(StorageUnavailableError);
    server.proxy.arm();
    await expect(driver.stat(other, NEVER)).rejects.toBeInstanceOf(ObjectNotFoundError);
  });

  test("an absent bucket is not an absent object", async () => {
    const { driver } = await server.open(path, { S3_PREFIX: "s3://no-such-bucket/x" });
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
      expect(String(error)).toContain("NoSuchBucket");
    }
  });

  test("refused credentials are said so at once, without the secret", async () => {
    const secret = "wrongSecretThatNobodyMaySee";
    for (const wrong of [
      { AWS_SECRET_ACCESS_KEY: secret },
      { AWS_ACCESS_KEY_ID: "unknownKey", AWS_SECRET_ACCESS_KEY: secret },
    ]) {
      const { driver, policy } = await server.open(path, wrong);
      const error = await driver.get(key, { signal: NEVER }).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(AccessDeniedError);
      expect(policy.retries).toEqual([]);
      expect(Bun.inspect(error)).not.toContain(secret);
      expect(JSON.stringify(error)).not.toContain(secret);
      await expect(listed(driver, "")).rejects.toBeInstanceOf(AccessDeniedError);
    }
  });
});
