// Proves what put, delete and conditional writes do under faults, by spoiling requests to MinIO.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  AccessDeniedError,
  ObjectExistsError,
  ObjectNotFoundError,
  StorageUnavailableError,
} from "../../src/storage/errors.ts";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { type ByteSource, bytesSource } from "../../src/stream/byte-stream.ts";
import { askMinio, MINIO_HOOK_TIMEOUT_MS } from "../support/minio.ts";
import { listed, NEVER, pattern, put, read } from "./storage-driver.calls.ts";
import {
  ATTEMPTS_MAX,
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

const LARGE_BYTES = 11 * MIB;
const SLOW_DOWN = { kind: "answer", status: 503, body: errorBody("SlowDown") } as const;
const INTERNAL = { kind: "answer", status: 500, body: errorBody("InternalError") } as const;

/** As what a compressor gives: read once, of unknown size. */
function streamOf(bytes: Uint8Array): ByteSource {
  return {
    sizeBytes: undefined,
    replayable: false,
    async *open() {
      for (let offset = 0; offset < bytes.byteLength; offset += 100_000) {
        yield bytes.slice(offset, offset + 100_000);
      }
    },
  };
}

async function unfinishedUploads(): Promise<number> {
  const response = await askMinio(server.minio, { method: "GET", path: "/faults?uploads=" });
  expect(response.status).toBe(200);
  return (await response.text()).split("<Upload>").length - 1;
}

describe.each(["direct", "sdk"] as const)("S3 faults, %s:", (path) => {
  const keyOf = (name: string) => toObjectKey(`${path}/${name}`);

  test("a put is repeated after 503, 500, resets and silence, also of a stream", async () => {
    const { driver, policy } = await server.open(path);
    const faults = [SLOW_DOWN, INTERNAL, { kind: "reset" }, { kind: "stall" }] as const;
    for (const [index, fault] of faults.entries()) {
      const key = keyOf(`put/${index}`);
      const bytes = pattern(100_000, index);
      server.proxy.arm({ method: "PUT", times: 2, fault });
      policy.retries.length = 0;
      await driver.put(key, streamOf(bytes), { ifAbsent: false, signal: NEVER });
      // After a reset the runtime sends once more by itself, unseen by the policy.
      expect(server.proxy.seen.map((seen) => seen.fault)).toEqual([
        fault.kind,
        fault.kind,
        undefined,
      ]);
      expect(policy.retries.length).toBeLessThan(3);
      expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
    }
  });

  test("429 is waited for as long as Retry-After says, and counts as throttling", async () => {
    const { driver, policy } = await server.open(path);
    const fault = {
      kind: "answer",
      status: 429,
      body: errorBody("TooManyRequests"),
      headers: { "retry-after": "7" },
    } as const;
    server.proxy.arm({ method: "PUT", fault });
    await put(driver, keyOf("throttled"), pattern(10, 1));
    expect(policy.retries).toMatchObject([{ attempt: 1, delayMs: 7000 }]);
    expect(policy.retries[0]?.error).toMatchObject({ isThrottled: true, retryAfterMs: 7000 });
  });

  test("after the last attempt the error is the service's, and nothing is stored", async () => {
    const { driver } = await server.open(path);
    const key = keyOf("never");
    server.proxy.arm({ method: "PUT", times: 99, fault: SLOW_DOWN });
    const error = await put(driver, key, pattern(10, 1)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(StorageUnavailableError);
    expect(error).toMatchObject({ isTransient: true, key });
    expect(String(error)).toContain("SlowDown");
    expect(server.proxy.seen.filter(({ method }) => method === "PUT")).toHaveLength(ATTEMPTS_MAX);
    await expect(driver.stat(key, NEVER)).rejects.toBeInstanceOf(ObjectNotFoundError);
  });

  test("of a large object only the part that failed is sent again", async () => {
    const { driver } = await server.open(path);
    const key = keyOf("one-part");
    const bytes = pattern(LARGE_BYTES, 5);
    server.proxy.arm({ method: "PUT", url: /partNumber=2/, times: 2, fault: INTERNAL });
    await driver.put(key, streamOf(bytes), { ifAbsent: false, signal: NEVER });
    const parts = server.proxy.seen.flatMap(({ url }) => /partNumber=(\d+)/.exec(url)?.[1] ?? []);
    expect(parts.sort()).toEqual(["1", "2", "2", "2", "3"]);
    expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
  });

  test("a part that never succeeds ends the put and removes the upload", async () => {
    const { driver } = await server.open(path);
    const key = keyOf("no-part");
    server.proxy.arm({ method: "PUT", url: /partNumber=2/, times: 99, fault: INTERNAL });
    await expect(put(driver, key, pattern(LARGE_BYTES, 6))).rejects.toThrow("InternalError");
    await expect(driver.stat(key, NEVER)).rejects.toBeInstanceOf(ObjectNotFoundError);
    expect(await unfinishedUploads()).toBe(0);
  });

  test("a completion answered 200 with an error inside is repeated", async () => {
    const { driver } = await server.open(path);
    const key = keyOf("complete-200");
    const bytes = pattern(LARGE_BYTES, 7);
    const fault = { kind: "answer", status: 200, body: errorBody("InternalError") } as const;
    server.proxy.arm({ method: "POST", url: /uploadId=/, fault });
    await put(driver, key, bytes);
    expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
  });

  test("a write whose answer was lost is known as its own, not as somebody else's", async () => {
    const { driver } = await server.open(path);
    const lost = [
      { kind: "reset", isForwarded: true },
      { ...INTERNAL, isForwarded: true },
    ] as const;
    for (const [index, fault] of lost.entries()) {
      for (const sizeBytes of [1000, LARGE_BYTES]) {
        const key = keyOf(`lost-answer/${index}-${sizeBytes}`);
        const bytes = pattern(sizeBytes, 8);
        const isLarge = sizeBytes === LARGE_BYTES;
        server.proxy.arm({
          method: isLarge ? "POST" : "PUT",
          url: isLarge ? /uploadId=/ : /./,
          fault,
        });
        await driver.put(key, bytesSource(bytes), { ifAbsent: true, signal: NEVER });
        expect(server.proxy.seen.some((seen) => seen.fault === fault.kind)).toBe(true);
        expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
        // The same bytes once more are somebody else's write.
        const again = driver.put(key, bytesSource(bytes), { ifAbsent: true, signal: NEVER });
        await expect(again).rejects.toBeInstanceOf(ObjectExistsError);
      }
    }
  });

  test("a service that refuses the condition is asked first, and stores without it", async () => {
    const { driver } = await server.open(path);
    const key = keyOf("unconditional");
    const fault = { kind: "answer", status: 501, body: errorBody("NotImplemented") } as const;
    server.proxy.arm({ method: "PUT", fault });
    await driver.put(key, bytesSource("first"), { ifAbsent: true, signal: NEVER });
    server.proxy.arm();
    const again = driver.put(key, bytesSource("second"), { ifAbsent: true, signal: NEVER });
    await expect(again).rejects.toBeInstanceOf(ObjectExistsError);
    expect(server.proxy.seen.map(({ method }) => method)).toEqual(["HEAD"]);
    expect(new TextDecoder().decode(await read(driver, key))).toBe("first");
  });

  test("keys that DeleteObjects reports as failed are deleted again, or are an error", async () => {
    const { driver } = await server.open(path);
    const keys = ["delete/1", "delete/2"].map(keyOf);
    for (const key of keys) await put(driver, key, pattern(5, 1));
    const failing = (code: string) =>
      `<DeleteResult><Error><Key>repository/${keys[0]}</Key><Code>${code}</Code>` +
      "<Message>no</Message></Error>" +
      `<Deleted><Key>repository/${keys[1]}</Key></Deleted></DeleteResult>`;
    const keyless = "<DeleteResult></DeleteResult>";
    const answer = (code: string) =>
      ({ kind: "answer", status: 200, body: failing(code) }) as const;
    server.proxy.arm({ method: "POST", url: /delete/, fault: answer("AccessDenied") });
    await expect(driver.delete(keys, NEVER)).rejects.toBeInstanceOf(AccessDeniedError);
    expect(await listed(driver, `${path}/delete/`)).toHaveLength(2);
    const empty = { kind: "answer", status: 200, body: keyless } as const;
    server.proxy.arm(
      { method: "POST", url: /delete/, fault: answer("InternalError") },
      { method: "POST", url: /delete/, fault: empty },
    );
    await driver.delete(keys, NEVER);
    expect(await listed(driver, `${path}/delete/`)).toEqual([]);
    const [request] = server.proxy.seen.filter(({ method }) => method === "POST");
    expect(request?.headers["content-md5"]).toMatch(/^[A-Za-z0-9+/]{22}==$/);
  });

  test("batches of one key go without DeleteObjects", async () => {
    const { driver } = await server.open(path, { S3_DELETE_BATCH_SIZE: "1" });
    const keys = ["single/1", "single/2"].map(keyOf);
    for (const key of keys) await put(driver, key, pattern(5, 1));
    server.proxy.arm();
    await driver.delete(keys, NEVER);
    expect(server.proxy.seen.map(({ method }) => method)).toEqual(["DELETE", "DELETE"]);
    expect(await listed(driver, `${path}/single/`)).toEqual([]);
  });
});
