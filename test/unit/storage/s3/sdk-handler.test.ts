// Proves that the SDK's HTTP requests reach our transport as the SDK signed them.
import { expect, test } from "vitest";
import { sdkHandler } from "../../../../src/storage/s3/sdk-handler.ts";
import type { HttpRequest } from "../../../../src/storage/service/transport.ts";
import { bytesSource } from "../../../../src/stream/byte-stream.ts";

interface Handler {
  handle(
    request: object,
    options?: object,
  ): Promise<{ response: { statusCode: number; headers: object; body: ReadableStream } }>;
}

function setup() {
  const seen: HttpRequest[] = [];
  const handler = sdkHandler(async (request) => {
    seen.push(request);
    const headers = new Headers({ etag: '"1"' });
    return { status: 206, headers, body: bytesSource("abc").open(request.signal) };
  }) as unknown as Handler;
  return { seen, handler };
}

const REQUEST = {
  protocol: "https:",
  hostname: "bucket.example.com",
  port: 9000,
  path: "/a%20b",
  method: "GET",
  query: { prefix: "x/(y)", list: ["1", "2"], uploads: "" },
  headers: { host: "bucket.example.com:9000", expect: "100-continue", authorization: "signed" },
};

test("builds the URL with the encoding that was signed, and lets fetch set the host", async () => {
  const { seen, handler } = setup();
  const { response } = await handler.handle(REQUEST);
  expect(seen[0]?.url.href).toBe(
    "https://bucket.example.com:9000/a%20b?prefix=x%2F%28y%29&list=1&list=2&uploads=",
  );
  expect(seen[0]?.headers).toEqual({ authorization: "signed" });
  expect(response).toMatchObject({ statusCode: 206, headers: { etag: '"1"' } });
  expect(await new Response(response.body).text()).toBe("abc");
});

test("passes bytes, text and the signal, and refuses streams", async () => {
  const { seen, handler } = setup();
  const { signal } = new AbortController();
  const body = new Uint8Array(3);
  await handler.handle({ ...REQUEST, body }, { abortSignal: signal });
  expect(seen[0]?.body).toBe(body);
  expect(seen[0]?.signal).toBe(signal);
  await handler.handle({ ...REQUEST, body: "<xml/>" });
  expect(seen[1]?.body).toBe("<xml/>");
  await expect(handler.handle({ ...REQUEST, body: new ReadableStream() })).rejects.toThrow(
    TypeError,
  );
});
