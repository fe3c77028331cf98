// Proves that answers of the SDK path that lack what they must hold are errors, call by call.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { S3_ERRORS } from "../../../../src/storage/s3/errors.ts";
import { SdkApi } from "../../../../src/storage/s3/sdk-api.ts";
import { ServiceError } from "../../../../src/storage/service/errors.ts";
import { collect } from "../../../../src/stream/byte-stream.ts";
import { type SdkEndpoint, startSdkEndpoint } from "../../../support/sdk-endpoint.ts";

const NEVER = new AbortController().signal;

let endpoint: SdkEndpoint;
let api: SdkApi;
beforeAll(() => {
  endpoint = startSdkEndpoint();
  api = new SdkApi({
    ...endpoint.options,
    bucket: "bucket",
    listVersion: 2,
    objects: {
      storageClass: undefined,
      encryption: undefined,
      tags: undefined,
      retention: { periodMs: 1000, mode: "GOVERNANCE" },
      additionalHeaders: { "x-extra": "1" },
    },
  });
});
afterAll(async () => {
  api?.close();
  await endpoint?.stop();
});
beforeEach(() => {
  endpoint.seen.length = 0;
  endpoint.answer = () => new Response("");
});

const UPLOAD = { name: "a", uploadId: "u", signal: NEVER };
const BODY = new TextEncoder().encode("abc");

test("empty answers are errors wherever something must be in them", async () => {
  for (const call of [
    () => api.createMultipartUpload({ name: "a", putId: "id", ifAbsent: false, signal: NEVER }),
    () => api.uploadPart({ ...UPLOAD, partNumber: 1, body: BODY, isLast: true }),
    () => api.completeMultipartUpload({ ...UPLOAD, parts: [], ifAbsent: false }),
    () => api.deleteObjects(["a", "b"], NEVER),
    () =>
      api.listPage({
        prefix: "",
        delimiter: undefined,
        after: undefined,
        continueAt: undefined,
        signal: NEVER,
      }),
    () => api.headObject("a", NEVER),
  ]) {
    const error = await call().catch((caught: unknown) => caught);
    expect(S3_ERRORS.toStorageError(error, { storage: "s3://bucket" })).toMatchObject({
      code: "storage",
      isTransient: true,
    });
  }
});

test("a completion that says 200 and means an error is an error", async () => {
  endpoint.answer = () =>
    new Response("<Error><Code>InternalError</Code><Message>later</Message></Error>");
  const complete = api.completeMultipartUpload({ ...UPLOAD, parts: [], ifAbsent: true });
  await expect(complete).rejects.toBeInstanceOf(ServiceError);
  expect(endpoint.seen[0]?.headers.get("if-none-match")).toBe("*");
});

test("retained objects and their parts carry an MD5, and the additional headers", async () => {
  endpoint.answer = () => new Response("", { headers: { etag: '"1"' } });
  await api.putObject({
    name: "a",
    putId: "id",
    body: BODY,
    ifAbsent: true,
    signal: NEVER,
  });
  await api.uploadPart({ ...UPLOAD, partNumber: 1, body: BODY, isLast: true });
  for (const { headers } of endpoint.seen) {
    expect(headers.get("content-md5")).toBe("kAFQmDzST7DWlj99KOF/cg==");
    expect(headers.get("x-extra")).toBe("1");
  }
  expect(endpoint.seen[0]?.headers.get("if-none-match")).toBe("*");
});

test("getObject reads the range that came, and streams it", async () => {
  endpoint.answer = () =>
    new Response("cde", { status: 206, headers: { "content-range": "bytes 2-4/9", etag: '"1"' } });
  const range = { offset: 2, length: 3 };
  const got = await api.getObject({ name: "a", range, ifMatch: '"1"', signal: NEVER });
  expect(got).toMatchObject({ range, totalBytes: 9, etag: '"1"' });
  expect(new TextDecoder().decode(await collect(got.body, 10))).toBe("cde");
  expect(endpoint.seen[0]?.headers.get("range")).toBe("bytes=2-4");
});

test("one key is deleted by itself", async () => {
  await api.deleteObjects(["a"], NEVER);
  expect(endpoint.seen.map(({ method }) => method)).toEqual(["DELETE"]);
});
