// Proves what the S3 driver does under faults, by spoiling requests to MinIO on their way.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  AccessDeniedError,
  ObjectExistsError,
  ObjectNotFoundError,
} from "../../src/storage/errors.ts";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { bytesSource } from "../../src/stream/byte-stream.ts";
import { askMinio, MINIO_HOOK_TIMEOUT_MS } from "../support/minio.ts";
import { listed, NEVER, pattern, put, read } from "./storage-driver.calls.ts";
import { type FaultyService, MIB } from "./storage-driver.faulty-service.ts";
import { testIdentityFaults } from "./storage-driver.identity-faults.ts";
import {
  type FaultyS3,
  refusal,
  S3_PATHS,
  s3Dialect,
  startFaultyS3,
} from "./storage-driver.s3-faults.ts";
import { testReadFaults, testWriteFaults } from "./storage-driver.service-faults.ts";

let server: FaultyS3;
beforeAll(async () => {
  server = await startFaultyS3();
}, MINIO_HOOK_TIMEOUT_MS);
afterAll(() => server?.direct.stop());

const LARGE_BYTES = 11 * MIB;

/** MinIO lists the uploads of one name only. */
async function unfinishedUploads(name: string): Promise<number> {
  const path = `/faults?prefix=${encodeURIComponent(name)}&uploads=`;
  const response = await askMinio(server.minio, { method: "GET", path });
  expect(response.status).toBe(200);
  return (await response.text()).split("<Upload>").length - 1;
}

for (const path of S3_PATHS) {
  testReadFaults(s3Dialect(path, () => server));
  testWriteFaults(s3Dialect(path, () => server));
  testIdentityFaults(s3Dialect(path, () => server));
}

describe.each(S3_PATHS)("S3, %s:", (path) => {
  const open: FaultyService["open"] = (...options) => server[path].open(...options);
  const arm: FaultyService["proxy"]["arm"] = (...rules) => server[path].proxy.arm(...rules);
  const seen = () => server[path].proxy.seen;

  test("a part that never succeeds removes the upload", async () => {
    const { driver } = await open();
    const key = toObjectKey("removed-upload");
    const name = `${path}/${key}`;
    const abort = { method: "DELETE", times: 99, fault: refusal(500) } as const;
    for (const [rules, left] of [
      [[abort], 1],
      [[], 0],
    ] as const) {
      const before = await unfinishedUploads(name);
      arm({ method: "PUT", url: /partNumber=2/, times: 99, fault: refusal(500) }, ...rules);
      await expect(put(driver, key, pattern(LARGE_BYTES, 6))).rejects.toThrow("InternalError");
      await expect(driver.stat(key, NEVER)).rejects.toBeInstanceOf(ObjectNotFoundError);
      expect(await unfinishedUploads(name)).toBe(before + left);
    }
  });

  test("a completion answered 200 with an error inside is repeated", async () => {
    const { driver } = await open();
    const key = toObjectKey("complete-200");
    const bytes = pattern(LARGE_BYTES, 7);
    arm({ method: "POST", url: /uploadId=/, fault: { ...refusal(500), status: 200 } });
    await put(driver, key, bytes);
    expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
  });

  test("a service that refuses the condition is asked first, and stores without it", async () => {
    const { driver } = await open();
    const key = toObjectKey("unconditional");
    arm({ method: "PUT", fault: refusal(501) });
    await driver.put(key, bytesSource("first"), { ifAbsent: true, signal: NEVER });
    arm();
    const again = driver.put(key, bytesSource("second"), { ifAbsent: true, signal: NEVER });
    await expect(again).rejects.toBeInstanceOf(ObjectExistsError);
    expect(seen().map(({ method }) => method)).toEqual(["HEAD"]);
    expect(new TextDecoder().decode(await read(driver, key))).toBe("first");
  });

  test("keys that DeleteObjects reports as failed are deleted again, or are an error", async () => {
    const { driver } = await open();
    const keys = ["delete/1", "delete/2"].map(toObjectKey);
    for (const key of keys) await put(driver, key, pattern(5, 1));
    const answer = (body: string) => ({ kind: "answer", status: 200, body }) as const;
    const failing = (code: string) =>
      answer(
        `<DeleteResult><Error><Key>${path}/${keys[0]}</Key><Code>${code}</Code>` +
          "<Message>no</Message></Error>" +
          `<Deleted><Key>${path}/${keys[1]}</Key></Deleted></DeleteResult>`,
      );
    arm({ method: "POST", url: /delete/, fault: failing("AccessDenied") });
    await expect(driver.delete(keys, NEVER)).rejects.toBeInstanceOf(AccessDeniedError);
    expect(await listed(driver, "delete/")).toHaveLength(2);
    arm(
      { method: "POST", url: /delete/, fault: failing("InternalError") },
      { method: "POST", url: /delete/, fault: answer("<DeleteResult></DeleteResult>") },
    );
    await driver.delete(keys, NEVER);
    expect(await listed(driver, "delete/")).toEqual([]);
    const [request] = seen().filter(({ method }) => method === "POST");
    expect(request?.headers["content-md5"]).toMatch(/^[A-Za-z0-9+/]{22}==$/);
  });

  test("batches of one key go without DeleteObjects", async () => {
    const { driver } = await open({ S3_DELETE_BATCH_SIZE: "1" });
    const keys = ["single/1", "single/2"].map(toObjectKey);
    for (const key of keys) await put(driver, key, pattern(5, 1));
    arm();
    await driver.delete(keys, NEVER);
    expect(seen().map(({ method }) => method)).toEqual(["DELETE", "DELETE"]);
    expect(await listed(driver, "single/")).toEqual([]);
  });

  test("wrong credentials are said so at once, without the secret", async () => {
    const key = toObjectKey("wrong-credentials");
    arm();
    await put((await open()).driver, key, pattern(3, 1));
    const secret = "wrongSecretThatNobodyMaySee";
    for (const wrong of [
      { AWS_SECRET_ACCESS_KEY: secret },
      { AWS_ACCESS_KEY_ID: "unknownKey", AWS_SECRET_ACCESS_KEY: secret },
    ]) {
      const { driver, policy } = await open(wrong);
      const error = await driver.get(key, { signal: NEVER }).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(AccessDeniedError);
      expect(policy.retries).toEqual([]);
      expect(Bun.inspect(error)).not.toContain(secret);
      expect(JSON.stringify(error)).not.toContain(secret);
      await expect(listed(driver, "")).rejects.toBeInstanceOf(AccessDeniedError);
    }
  });
});

test("keys of a role that expired early are replaced, and no call fails", async () => {
  const { proxy } = server.sdk;
  const { driver, policy } = await server.sdk.open({
    AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/tidemark",
    AWS_ENDPOINT_URL_STS: server.minio.endpoint,
  });
  const idOf = (authorization: string | undefined) =>
    /Credential=(\w+)/.exec(authorization ?? "")?.at(1);
  const key = toObjectKey("role/object");
  const bytes = pattern(LARGE_BYTES, 1);
  proxy.arm();
  await put(driver, key, bytes);
  const old = idOf(proxy.seen[0]?.headers.authorization);
  expect(old).toBeDefined();
  proxy.arm({
    when: ({ headers }) => idOf(headers.authorization) === old,
    times: Number.POSITIVE_INFINITY,
    fault: refusal(400),
  });
  await put(driver, key, bytes);
  expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
  expect((await driver.stat(key, NEVER)).sizeBytes).toBe(bytes.byteLength);
  expect(policy.retries).toEqual([]);
  const ids = proxy.seen.map(({ headers }) => idOf(headers.authorization));
  expect(new Set(ids).size).toBe(2);
  expect(proxy.seen.filter(({ fault }) => fault !== undefined)).toHaveLength(1);
});
