// Proves what the SDK is let send, and that its errors come out as ours, without its own retries.
import { HeadObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { md5Header, SdkSender } from "../../../../src/storage/s3/sdk-sender.ts";
import { ConnectionError, ServiceError } from "../../../../src/storage/service/errors.ts";
import { type SdkEndpoint, startSdkEndpoint } from "../../../support/sdk-endpoint.ts";

const NEVER = new AbortController().signal;
const OBJECT = { Bucket: "bucket", Key: "a" };

let endpoint: SdkEndpoint;
beforeAll(() => {
  endpoint = startSdkEndpoint();
});
afterAll(() => endpoint?.stop());
beforeEach(() => {
  endpoint.seen.length = 0;
});

test("adds raw headers, signed, and an MD5 of the body where asked", async () => {
  endpoint.answer = () => new Response("", { headers: { date: "Tue, 24 Nov 2026 11:00:00 GMT" } });
  const sender = new SdkSender(endpoint.options);
  const Body = new TextEncoder().encode("abc");
  const output = await sender.send(new PutObjectCommand({ ...OBJECT, Body }), {
    headers: { "x-amz-meta-own": "1" },
    signal: NEVER,
    needsBodyMd5: true,
  });
  const [call] = endpoint.seen;
  expect(call?.headers.get("x-amz-meta-own")).toBe("1");
  expect(call?.headers.get("authorization")).toContain("x-amz-meta-own");
  expect(call?.headers.get("content-md5")).toBe(md5Header("abc")["content-md5"] ?? "");
  expect(call?.headers.get("x-amz-checksum-crc32")).toBeNull();
  expect(call?.body).toBe("abc");
  expect(sender.dateOf(output)).toEqual(expect.any(Date));
  sender.close();
});

test.each([
  [503, "SlowDown", ServiceError],
  [404, "NoSuchKey", ServiceError],
  [400, "ExpiredToken", ServiceError],
])("an answer %i %s is one error after one request", async (status, code, type) => {
  const body = `<Error><Code>${code}</Code><Message>said so</Message></Error>`;
  endpoint.answer = () => new Response(body, { status, headers: { "retry-after": "3" } });
  const error = await new SdkSender(endpoint.options)
    .send(new ListObjectsV2Command({ Bucket: "bucket" }), { headers: {}, signal: NEVER })
    .catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(type);
  expect(error).toMatchObject({ status, code, message: "said so", retryAfterMs: 3000 });
  expect(endpoint.seen).toHaveLength(1);
  expect(Bun.inspect(error)).not.toMatch(/secret|Signature=/);
});

test("HEAD has no document: the status alone is known", async () => {
  endpoint.answer = () => new Response(null, { status: 404 });
  const error = await new SdkSender(endpoint.options)
    .send(new HeadObjectCommand(OBJECT), { headers: {}, signal: NEVER })
    .catch((caught: unknown) => caught);
  expect(error).toMatchObject({ status: 404, code: "" });
});

test("a document that cannot be parsed is a connection error", async () => {
  endpoint.answer = () => new Response("<a><b></a>", { status: 200 });
  const list = new SdkSender(endpoint.options).send(
    new ListObjectsV2Command({ Bucket: "bucket" }),
    { headers: {}, signal: NEVER },
  );
  const outcome = await list.catch((caught: unknown) => caught);
  // Either is refused later: an answer without its parts is no listing.
  if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ConnectionError);
  else expect(outcome).not.toHaveProperty("IsTruncated", expect.any(Boolean));
});

test("an aborted signal comes out as its reason, and nothing is sent", async () => {
  const reason = new Error("stopped");
  const sent = new SdkSender(endpoint.options).send(new HeadObjectCommand(OBJECT), {
    headers: {},
    signal: AbortSignal.abort(reason),
  });
  await expect(sent).rejects.toBe(reason);
  expect(endpoint.seen).toEqual([]);
});

test("keys are those of the moment, and refused ones are replaced once", async () => {
  let id = "first";
  const replaced: string[] = [];
  const credentials = {
    get: async () => ({ accessKeyId: id, secretAccessKey: "secret" }),
    replace: async ({ accessKeyId }: { readonly accessKeyId: string }) => {
      replaced.push(accessKeyId);
      id = "third";
      return true;
    },
  };
  const sender = new SdkSender({ ...endpoint.options, credentials });
  const list = () =>
    sender.send(new ListObjectsV2Command({ Bucket: "bucket" }), { headers: {}, signal: NEVER });
  const body = "<Error><Code>ExpiredToken</Code><Message>old</Message></Error>";
  endpoint.answer = ({ headers }) =>
    headers.get("authorization")?.includes("=second/") === true
      ? new Response(body, { status: 400 })
      : new Response("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
  await list();
  id = "second";
  await list();
  const used = endpoint.seen.map(({ headers }) =>
    /Credential=(\w+)/.exec(headers.get("authorization") ?? "")?.at(1),
  );
  expect(used).toEqual(["first", "second", "third"]);
  expect(replaced).toEqual(["second"]);
});

test("an answer that breaks off, or is none of S3's, is an error of one line", async () => {
  for (const [status, text] of [
    [403, "<html>Log in first"],
    [500, "{"],
    [200, "<ListBucketResult><IsTrunc"],
  ] as const) {
    endpoint.answer = () => new Response(text, { status });
    const error = await new SdkSender(endpoint.options)
      .send(new ListObjectsV2Command({ Bucket: "bucket" }), { headers: {}, signal: NEVER })
      .catch((caught: unknown) => caught);
    const { message, cause } = error as Error;
    for (const part of [message, String(cause)]) expect(part).not.toMatch(/\n|\$response/);
  }
});

test("the reason of an abort comes out as it was while an answer is read", async () => {
  const stop = new AbortController();
  const reason = new Error("another part failed");
  endpoint.answer = () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          controller.enqueue(new TextEncoder().encode("<Error>"));
          setTimeout(() => stop.abort(reason), 20);
          return new Promise(() => {});
        },
      }),
      { status: 400 },
    );
  const sent = new SdkSender(endpoint.options).send(
    new ListObjectsV2Command({ Bucket: "bucket" }),
    { headers: {}, signal: stop.signal },
  );
  await expect(sent).rejects.toBe(reason);
  expect(reason.message).toBe("another part failed");
});
