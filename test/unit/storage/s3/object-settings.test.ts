// Proves that every malformed or half-set setting of stored objects is an error naming its key.
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../../src/base/errors.ts";
import {
  parseHeaders,
  parseTags,
  readEncryption,
  readRetention,
} from "../../../../src/storage/s3/object-settings.ts";
import { mapSettings } from "../../../support/map-settings.ts";

const KEY = Buffer.alloc(32, 1).toString("base64");
const KEY_MD5 = createHash("md5").update(Buffer.alloc(32, 1)).digest("base64");

describe("readEncryption", () => {
  test.each([
    [{}, undefined],
    [{ S3_SSE: "AES256" }, { by: "service" }],
    [
      { S3_SSE: "aws:kms", S3_SSE_KMS_ID: "k" },
      { by: "kms", algorithm: "aws:kms", kmsKeyId: "k" },
    ],
    [
      { S3_SSE: "AES256", S3_SSE_C: KEY },
      { by: "customer", keyBase64: KEY },
    ],
    [{ S3_SSE_C: KEY }, { by: "customer", keyMd5Base64: KEY_MD5 }],
  ])("%j", (values, expected) => {
    const found = readEncryption(mapSettings(values as Record<string, string>));
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(expected);
  });

  test.each([
    [{ S3_SSE: "aws:kms" }, "S3_SSE_KMS_ID"],
    [{ S3_SSE_KMS_ID: "k" }, "S3_SSE_KMS_ID"],
    [{ S3_SSE: "AES256", S3_SSE_KMS_ID: "k" }, "S3_SSE_KMS_ID"],
    [{ S3_SSE: "des" }, "S3_SSE"],
    [{ S3_SSE_C: "short" }, "S3_SSE_C"],
    [{ S3_SSE_C: `${KEY}!` }, "S3_SSE_C"],
    [{ S3_SSE_C: KEY, S3_SSE: "aws:kms" }, "S3_SSE_C"],
  ])("%j is an error", (values, key) => {
    const read = () => readEncryption(mapSettings(values as Record<string, string>));
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(key);
    expect(() => read()).not.toThrow("AQEBAQ");
  });
});

describe("readRetention", () => {
  test.each([[{}], [{ S3_RETENTION_PERIOD: "-1" }]])("%j is none", (values) => {
    expect(readRetention(mapSettings(values as Record<string, string>))).toBeUndefined();
  });

  test("a period in seconds, GOVERNANCE unless told otherwise", () => {
    expect(readRetention(mapSettings({ S3_RETENTION_PERIOD: "60" }))).toEqual({
      periodMs: 60_000,
      mode: "GOVERNANCE",
    });
    const strict = { S3_RETENTION_PERIOD: "1", S3_RETENTION_MODE: "COMPLIANCE" };
    expect(readRetention(mapSettings(strict))?.mode).toBe("COMPLIANCE");
  });

  test.each([{ S3_RETENTION_PERIOD: "0" }, { S3_RETENTION_PERIOD: "9", S3_RETENTION_MODE: "x" }])(
    "%j is an error",
    (values) => {
      expect(() => readRetention(mapSettings(values as Record<string, string>))).toThrow(
        ConfigError,
      );
    },
  );
});

describe("parseTags", () => {
  test.each([undefined, "a=b", "a=b&c=d%20e", "a="])("takes %j", (text) => {
    expect(parseTags(text)).toBe(text);
  });

  test.each(["a", "=b", "a=b&", "a=b c", "a=b=c", Array(11).fill("a=b").join("&")])(
    "refuses %j",
    (text) => {
      expect(() => parseTags(text)).toThrow(ConfigError);
    },
  );
});

describe("parseHeaders", () => {
  test("reads JSON and YAML maps", () => {
    expect(parseHeaders('{"X-One": "1", "x-two": 2}')).toEqual({ "x-one": "1", "x-two": "2" });
    expect(parseHeaders("X-One: one word\nx-two: 2")).toEqual({
      "x-one": "one word",
      "x-two": "2",
    });
    expect(parseHeaders(undefined)).toEqual({});
  });

  test.each(["text", "[1]", "{", "a b: c", "x: {y: z}", 'x: "a\\r\\nb"', "null"])(
    "refuses %j",
    (text) => {
      expect(() => parseHeaders(text)).toThrow(ConfigError);
    },
  );
});
