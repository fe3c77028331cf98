// Proves where requests go: AWS's hosts by region, other services, and the bucket in each.
import { describe, expect, test } from "vitest";
import { discoverRegion, objectUrl, resolveEndpoint } from "../../../../src/storage/s3/endpoint.ts";
import { readS3Settings } from "../../../../src/storage/s3/settings.ts";
import type { HttpRequest } from "../../../../src/storage/service/transport.ts";
import { mapSettings } from "../../../support/map-settings.ts";

function urlOf(values: Readonly<Record<string, string>>, region: string): string {
  const settings = readS3Settings(mapSettings({ S3_PREFIX: "s3://bucket", ...values }), "");
  return objectUrl(resolveEndpoint(settings, region), "a/b c").href;
}

describe("resolveEndpoint", () => {
  test.each([
    [{}, "eu-west-1", "https://bucket.s3.eu-west-1.amazonaws.com/a/b%20c"],
    [{}, "cn-north-1", "https://bucket.s3.cn-north-1.amazonaws.com.cn/a/b%20c"],
    [
      { AWS_DUAL_STACK: "true" },
      "us-east-1",
      "https://bucket.s3.dualstack.us-east-1.amazonaws.com/a/b%20c",
    ],
    [
      { AWS_S3_FORCE_PATH_STYLE: "true" },
      "us-east-1",
      "https://s3.us-east-1.amazonaws.com/bucket/a/b%20c",
    ],
    [{ AWS_ENDPOINT: "http://10.0.0.1:9000" }, "x", "http://10.0.0.1:9000/bucket/a/b%20c"],
    [{ AWS_ENDPOINT: "https://minio:9000" }, "x", "https://bucket.minio:9000/a/b%20c"],
    [
      { AWS_ENDPOINT: "https://gateway/s3", AWS_S3_FORCE_PATH_STYLE: "true" },
      "x",
      "https://gateway/s3/bucket/a/b%20c",
    ],
  ])("%j in %s", (values, region, expected) => {
    expect(urlOf(values as Record<string, string>, region)).toBe(expected);
  });

  test("names keep their slashes and lose every other meaning", () => {
    const settings = readS3Settings(mapSettings({ S3_PREFIX: "s3://bucket" }), "");
    const url = objectUrl(resolveEndpoint(settings, "r"), "a/+%é?#'(x)", { uploadId: "1/2=" });
    expect(url.href).toBe(
      "https://bucket.s3.r.amazonaws.com/a/%2B%25%C3%A9%3F%23%27%28x%29?uploadId=1%2F2%3D",
    );
    expect(url.pathname).toBe("/a/%2B%25%C3%A9%3F%23%27%28x%29");
  });
});

test.each([
  [200, { "x-amz-bucket-region": "eu-north-1" }, "eu-north-1"],
  [403, { "x-amz-bucket-region": "eu-north-1" }, "eu-north-1"],
  [404, {}, undefined],
])("the region of a bucket is in any answer: %i", async (status, headers, expected) => {
  const settings = readS3Settings(mapSettings({ S3_PREFIX: "s3://my.bucket" }), "");
  const seen: HttpRequest[] = [];
  const region = await discoverRegion(
    settings,
    async (request) => {
      seen.push(request);
      return { status, headers: new Headers(headers), body: nothing() };
    },
    new AbortController().signal,
  );
  expect(region).toBe(expected);
  expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
    "HEAD https://s3.us-east-1.amazonaws.com/my.bucket",
  ]);
});

async function* nothing(): AsyncGenerator<Uint8Array> {}
