// Proves that the host to connect to is asked for once, and what happens when it is not told.
import { expect, test } from "vitest";
import { ConfigError } from "../../../../src/base/errors.ts";
import { createEndpointSource } from "../../../../src/storage/s3/endpoint-source.ts";
import { ConnectionError } from "../../../../src/storage/service/errors.ts";
import { bytesSource } from "../../../../src/stream/byte-stream.ts";

const NEVER = new AbortController().signal;
const SOURCE = { url: "http://balancer/host", port: 443, scheme: "https" };

function sourceOf(status: number, body: string) {
  let asked = 0;
  const connectTo = createEndpointSource(SOURCE, async ({ signal }) => {
    asked += 1;
    return { status, headers: new Headers(), body: bytesSource(body).open(signal) };
  });
  return { connectTo, asked: () => asked };
}

test("takes the body for a host, with the port and scheme of the settings, once", async () => {
  const { connectTo, asked } = sourceOf(200, "storage-7.example.com\n");
  expect((await connectTo(NEVER)).href).toBe("https://storage-7.example.com/");
  expect((await connectTo(NEVER)).host).toBe("storage-7.example.com");
  expect(asked()).toBe(1);
});

test.each([
  [500, "storage"],
  [200, ""],
  [200, "not a host"],
])("an answer %i %j names no host", async (status, body) => {
  await expect(sourceOf(status, body).connectTo(NEVER)).rejects.toBeInstanceOf(ConnectionError);
});

test("a source that is no URL is a configuration error", () => {
  const make = () =>
    createEndpointSource({ ...SOURCE, url: "balancer" }, () => Promise.reject(new Error("unused")));
  expect(make).toThrow(ConfigError);
});
