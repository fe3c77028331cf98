// Proves how the S3 settings are read: defaults, forms of prefix and endpoint, and refusals.
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../../src/base/errors.ts";
import { defaultSettings } from "../../../../src/config/load.ts";
import { readS3Settings } from "../../../../src/storage/s3/settings.ts";
import { mapSettings } from "../../../support/map-settings.ts";

const MIB = 1024 * 1024;

function read(values: Readonly<Record<string, string>>, below = "") {
  return readS3Settings(mapSettings({ S3_PREFIX: "s3://bucket/path", ...values }), below);
}

describe("readS3Settings", () => {
  test("has WAL-G's defaults", () => {
    expect(read({})).toMatchObject({
      bucket: "bucket",
      keyPrefix: "path/",
      region: undefined,
      endpoint: undefined,
      isPathStyle: false,
      isDualStack: false,
      partBytesMax: 20 * MIB,
      concurrencyMax: 16,
      listVersion: 2,
      deleteBatchMax: 1000,
      attemptsMax: 16,
      resumesMax: 10,
      throttle: { minMs: 500, maxMs: 300_000 },
      shouldValidate: false,
    });
  });

  test.each([
    ["s3://b", "", "b", ""],
    ["s3://b/", "", "b", ""],
    ["s3://b/p/q/", "", "b", "p/q/"],
    ["s3://b//p", "x/y", "b", "p/x/y/"],
    ["s3://b", "x", "b", "x/"],
  ])("%s below %j", (prefix, below, bucket, keyPrefix) => {
    expect(read({ S3_PREFIX: prefix }, below)).toMatchObject({ bucket, keyPrefix });
  });

  test.each(["bucket", "s3:/b", "s3://", "https://b/p", "s3://user@b", "s3://b?x"])(
    "S3_PREFIX %j is an error",
    (prefix) => {
      expect(() => read({ S3_PREFIX: prefix })).toThrow(ConfigError);
    },
  );

  test.each([
    ["minio:9000", "https://minio:9000/"],
    ["http://minio:9000/", "http://minio:9000/"],
    ["https://gateway/s3/", "https://gateway/s3"],
  ])("AWS_ENDPOINT %s", (endpoint, href) => {
    expect(read({ AWS_ENDPOINT: endpoint }).endpoint?.href).toBe(href);
  });

  test("an endpoint with a password is refused without showing it", () => {
    const wrong = () => read({ AWS_ENDPOINT: "https://user:hidden@minio" });
    expect(wrong).toThrow(ConfigError);
    expect(wrong).not.toThrow("hidden");
  });

  test.each([
    [{ AWS_ENDPOINT: "http://10.0.0.1:9000" }, true],
    [{ AWS_ENDPOINT: "http://localhost:9000" }, true],
    [{ AWS_ENDPOINT: "http://[::1]:9000" }, true],
    [{ AWS_ENDPOINT: "http://minio" }, false],
    [{ AWS_ENDPOINT: "http://minio", AWS_S3_FORCE_PATH_STYLE: "true" }, true],
    [{ S3_PREFIX: "s3://dotted.bucket" }, true],
    [{ S3_PREFIX: "s3://Upper" }, true],
  ])("%j: path style %s", (values, isPathStyle) => {
    expect(read(values as Record<string, string>).isPathStyle).toBe(isPathStyle);
  });

  test("keys come in pairs", () => {
    expect(() => read({ AWS_ACCESS_KEY_ID: "a" })).toThrow("AWS_SECRET_ACCESS_KEY");
    const both = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", AWS_SESSION_TOKEN: "c" };
    expect(read(both).credentials.keys).toEqual({
      accessKeyId: "a",
      secretAccessKey: "b",
      sessionToken: "c",
    });
    expect(read({}).credentials.keys).toBeUndefined();
  });

  test.each([
    { S3_MAX_PART_SIZE: String(5 * MIB - 1) },
    { UPLOAD_CONCURRENCY: "0" },
    { S3_DELETE_BATCH_SIZE: "1001" },
    { S3_MAX_RETRIES: "-1" },
    { S3_ENDPOINT_SOURCE: "http://x", S3_ENDPOINT_PROTOCOL: "ftp" },
    { S3_USE_YC_SESSION_TOKEN: "true" },
  ])("%j is an error", (values) => {
    expect(() => read(values as Record<string, string>)).toThrow(ConfigError);
  });

  test("validation is on only when it is said so", () => {
    expect(read({ S3_SKIP_VALIDATION: "false" }).shouldValidate).toBe(true);
    expect(read({ S3_SKIP_VALIDATION: "true" }).shouldValidate).toBe(false);
  });

  test("reads only keys that the table of settings has, by their kinds and defaults", () => {
    for (const isWalg of [false, true]) {
      const defaults = defaultSettings(isWalg, {});
      const withPrefix = {
        text: (key: string) => (key === "S3_PREFIX" ? "s3://bucket/path" : defaults.text(key)),
        flag: (key: string) => defaults.flag(key),
        whole: (key: string) => defaults.whole(key),
        durationMs: (key: string) => defaults.durationMs(key),
      };
      expect(readS3Settings(withPrefix, "")).toEqual(read({ S3_STORAGE_CLASS: "STANDARD" }));
    }
  });
});
