// Proves what each setting of Google Cloud Storage means, and that nonsense is refused.
import { expect, test } from "vitest";
import { ConfigError } from "../../../../src/base/errors.ts";
import { readGcsSettings } from "../../../../src/storage/gcs/settings.ts";
import { mapSettings } from "../../../support/map-settings.ts";

const MIB = 1024 * 1024;

function read(values: Readonly<Record<string, string>>, storagePrefix = "") {
  return readGcsSettings(mapSettings({ GS_PREFIX: "gs://bucket/a/b/", ...values }), storagePrefix);
}

test("without further settings", () => {
  expect(read({})).toMatchObject({
    bucket: "bucket",
    keyPrefix: "a/b/",
    endpoint: new URL("https://storage.googleapis.com"),
    isAnonymous: false,
    credentialsFile: undefined,
    customerKey: undefined,
    partBytesMax: 16 * MIB,
    attemptsMax: 17,
    requestLimitMs: 3_600_000,
  });
});

test.each([
  ["gs://bucket", "true", "", ""],
  ["gs://bucket/", "true", "x/y", "x/y/"],
  ["gs://bucket//a", "true", "x", "a/x/"],
  ["gs://bucket/a", "false", "x", "/a/x/"],
])("%s, normalized: %s, with %j goes below %j", (prefix, flag, storagePrefix, keyPrefix) => {
  const values = { GS_PREFIX: prefix, GCS_NORMALIZE_PREFIX: flag };
  expect(read(values, storagePrefix).keyPrefix).toBe(keyPrefix);
});

test("an emulator gets no credentials, another address does", () => {
  for (const host of [
    "localhost:4443",
    "http://localhost:4443",
    "http://localhost:4443/storage/v1",
  ]) {
    expect(read({ STORAGE_EMULATOR_HOST: host })).toMatchObject({
      endpoint: new URL("http://localhost:4443"),
      isAnonymous: true,
    });
  }
  const both = { STORAGE_EMULATOR_HOST: "x:1", GCS_ENDPOINT: "https://storage.example.com/" };
  expect(read(both)).toMatchObject({
    endpoint: new URL("https://storage.example.com"),
    isAnonymous: false,
  });
});

test("chunks are whole multiples of what the service takes", () => {
  expect(read({ GCS_MAX_CHUNK_SIZE: String(300_000) }).partBytesMax).toBe(262_144);
  expect(read({ GCS_MAX_CHUNK_SIZE: String(5 * MIB + 1) }).partBytesMax).toBe(5 * MIB);
});

test("the customer's key goes with its hash", () => {
  const base64 = Buffer.alloc(32, 7).toString("base64");
  const sha256Base64 = new Bun.CryptoHasher("sha256").update(Buffer.alloc(32, 7)).digest("base64");
  expect(read({ GCS_ENCRYPTION_KEY: base64 }).customerKey).toEqual({ base64, sha256Base64 });
});

test.each([
  { GS_PREFIX: "s3://bucket/path" },
  { GS_PREFIX: "gs://" },
  { GS_PREFIX: "gs://user@bucket/path" },
  { GCS_ENDPOINT: "storage.example.com" },
  { GCS_ENCRYPTION_KEY: "c2hvcnQ=" },
  { GCS_MAX_CHUNK_SIZE: "1000" },
  { GCS_CONTEXT_TIMEOUT: "0" },
])("%j is refused", (values) => {
  expect(() => read(values)).toThrow(ConfigError);
});
