// Proves the requests of our own signer, as a small server sees them, and how its answers are read.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { DirectApi } from "../../../../src/storage/s3/direct-api.ts";
import { sha256Hex } from "../../../../src/storage/s3/signer.ts";
import { ConnectionError, ServiceError } from "../../../../src/storage/service/errors.ts";
import { createTransport } from "../../../../src/storage/service/transport.ts";
import { collect } from "../../../../src/stream/byte-stream.ts";
import { FakeObjectApi } from "../../../support/fake-object-api.ts";
import { SERVICE_CLOCK } from "../../../support/service-clock.ts";

const NEVER = new AbortController().signal;

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

let seen: Seen[] = [];
let answer: (request: Seen) => Response;
let server: ReturnType<typeof Bun.serve>;
beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const url = new URL(request.url);
      const { method, headers } = request;
      const body = await request.text();
      const one = { method, path: `${url.pathname}${url.search}`, headers, body };
      seen.push(one);
      return answer(one);
    },
  });
});
afterAll(() => server?.stop(true));
beforeEach(() => {
  seen = [];
  answer = () => new Response("", { headers: { etag: '"tag"' } });
});

function open(rest = new FakeObjectApi()) {
  const url = new URL(`http://127.0.0.1:${server.port}`);
  return new DirectApi({
    endpoint: {
      region: "us-east-1",
      serviceUrl: url,
      bucketUrl: new URL("/bucket", url),
      isAws: false,
    },
    objects: {
      storageClass: undefined,
      encryption: { by: "customer", keyBase64: "key", keyMd5Base64: "md5" },
      tags: undefined,
      retention: undefined,
      additionalHeaders: {},
    },
    credentials: {
      get: async () => ({ accessKeyId: "id", secretAccessKey: "secret" }),
      replace: async () => false,
    },
    transport: createTransport({
      clock: SYSTEM_CLOCK,
      idleTimeoutMs: 5000,
      certificateAuthorities: undefined,
      proxy: { https: undefined, http: undefined, none: undefined },
    }),
    clock: SERVICE_CLOCK,
    rest: async () => rest,
  });
}

const BODY = new TextEncoder().encode("some bytes");

test("putObject signs its body and carries the condition", async () => {
  answer = () =>
    new Response("", { headers: { etag: '"1"', date: "Tue, 24 Nov 2026 11:00:00 GMT" } });
  const { storedAt } = await open().putObject({
    name: "a b",
    putId: "id",
    body: BODY,
    ifAbsent: true,
    signal: NEVER,
  });
  expect(storedAt).toBeInstanceOf(Date);
  const [request] = seen;
  expect(request).toMatchObject({ method: "PUT", path: "/bucket/a%20b", body: "some bytes" });
  expect(request?.headers.get("if-none-match")).toBe("*");
  expect(request?.headers.get("x-amz-meta-tidemark-put")).toBe("id");
  expect(request?.headers.get("x-amz-content-sha256")).toBe(sha256Hex(BODY));
  expect(request?.headers.get("authorization")).toContain("if-none-match");
  expect(request?.headers.get("content-md5")).toBeNull();
});

test("an MD5 is sent once a bucket with object lock asked for it", async () => {
  const asks =
    "<Error><Code>InvalidRequest</Code><Message>Content-MD5 is required</Message></Error>";
  answer = ({ headers }) =>
    headers.has("content-md5")
      ? new Response("", { headers: { etag: '"1"' } })
      : new Response(asks, { status: 400 });
  const api = open();
  const put = () =>
    api.putObject({ name: "a", putId: "id", body: BODY, ifAbsent: false, signal: NEVER });
  await put();
  await put();
  expect(seen.map(({ headers }) => headers.has("content-md5"))).toEqual([false, true, true]);
});

test("getObject asks for range and version, and reads which bytes it got", async () => {
  answer = () =>
    new Response("cde", {
      status: 206,
      headers: { "content-range": "bytes 2-4/10", etag: '"tag"' },
    });
  const range = { offset: 2, length: 3 };
  const got = await open().getObject({ name: "a", range, ifMatch: '"tag"', signal: NEVER });
  expect(got).toMatchObject({ range, totalBytes: 10, etag: '"tag"' });
  expect(new TextDecoder().decode(await collect(got.body, 10))).toBe("cde");
  expect(seen[0]?.headers.get("range")).toBe("bytes=2-4");
  expect(seen[0]?.headers.get("if-match")).toBe('"tag"');
  expect(seen[0]?.headers.get("x-amz-server-side-encryption-customer-key")).toBe("key");
});

test("headObject reads size, time and the put's id", async () => {
  answer = () =>
    new Response("12345", {
      headers: {
        "last-modified": "Tue, 24 Nov 2026 11:00:00 GMT",
        "x-amz-meta-tidemark-put": "id",
      },
    });
  expect(await open().headObject("a", NEVER)).toEqual({
    sizeBytes: 5,
    modifiedAt: new Date("2026-11-24T11:00:00Z"),
    putId: "id",
  });
  answer = () => new Response("12345");
  await expect(open().headObject("a", NEVER)).rejects.toBeInstanceOf(ConnectionError);
});

test("uploadPart names its upload and wants an entity tag", async () => {
  const part = {
    name: "a",
    uploadId: "x/y=",
    partNumber: 3,
    body: BODY,
    isLast: true,
    signal: NEVER,
  };
  expect(await open().uploadPart(part)).toBe('"tag"');
  expect(seen[0]?.path).toBe("/bucket/a?partNumber=3&uploadId=x%2Fy%3D");
  answer = () => new Response("");
  await expect(open().uploadPart(part)).rejects.toBeInstanceOf(ConnectionError);
});

test("an error's document and Retry-After are read", async () => {
  answer = () =>
    new Response("<Error><Code>SlowDown</Code><Message>less</Message></Error>", {
      status: 503,
      headers: { "retry-after": "2" },
    });
  const error = await open()
    .headObject("a", NEVER)
    .catch((caught: unknown) => caught);
  expect(error).toMatchObject({ status: 503, retryAfterMs: 2000 });
  const request = { name: "a", range: undefined, ifMatch: undefined, signal: NEVER };
  const read = await open()
    .getObject(request)
    .catch((caught: unknown) => caught);
  expect(read).toBeInstanceOf(ServiceError);
  expect(read).toMatchObject({ status: 503, code: "SlowDown", message: "less" });
});

test("everything else goes to the SDK", async () => {
  const rest = new FakeObjectApi();
  const api = open(rest);
  const uploadId = await api.createMultipartUpload({
    name: "a",
    putId: "id",
    ifAbsent: false,
    signal: NEVER,
  });
  await api.abortMultipartUpload({ name: "a", uploadId, signal: NEVER });
  await api.listPage({
    prefix: "",
    delimiter: undefined,
    after: undefined,
    continueAt: undefined,
    signal: NEVER,
  });
  await api.deleteObjects(["a"], NEVER);
  const second = await api.createMultipartUpload({
    name: "a",
    putId: "id",
    ifAbsent: false,
    signal: NEVER,
  });
  const complete = { name: "a", uploadId: second, parts: [], ifAbsent: false, signal: NEVER };
  await api.completeMultipartUpload(complete);
  expect(rest.calls).toEqual(["create", "abort", "list", "delete", "create", "complete"]);
  expect(seen).toEqual([]);
});
