// Proves the settings of AWS KMS, requests against a signature made by botocore 1.44, and what
// the service's errors mean; the answers are scripted.
import { describe, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { ConfigError } from "../../../../src/base/errors.ts";
import { SILENT_LOGGER } from "../../../../src/base/log.ts";
import { RefusedByKeyService } from "../../../../src/cipher/data-keys.ts";
import { KeyServiceError } from "../../../../src/cipher/kms/ask.ts";
import { openAwsKms, readAwsKmsSettings } from "../../../../src/cipher/kms/aws.ts";
import type { HttpRequest } from "../../../../src/storage/service/transport.ts";
import { mapSettings } from "../../../support/map-settings.ts";

const KEYS = {
  AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
  AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
const read = (values: Readonly<Record<string, string>>) =>
  readAwsKmsSettings(mapSettings({ ...KEYS, CSE_KMS_ID: "alias/backups", ...values }));

function service(status: number, fields: object) {
  const requests: HttpRequest[] = [];
  const kms = openAwsKms(read({ CSE_KMS_REGION: "eu-central-1" }), {
    transport: async (request) => {
      requests.push(request);
      async function* body() {
        yield Buffer.from(JSON.stringify(fields));
      }
      return { status, headers: new Headers(), body: body() };
    },
    clock: { ...SYSTEM_CLOCK, now: () => new Date("2026-01-02T03:04:05Z"), sleep: async () => {} },
    log: SILENT_LOGGER,
    signal: new AbortController().signal,
  });
  return { kms, requests };
}

describe("settings", () => {
  test("the region is the one that is set, that of the ARN, or that of the storage", () => {
    const arn = "arn:aws:kms:eu-west-1:111122223333:key/1234";
    const others = { CSE_KMS_ID: arn, AWS_REGION: "us-east-1" };
    expect(read({ ...others, CSE_KMS_REGION: "eu-north-1" }).region).toBe("eu-north-1");
    expect(read(others).region).toBe("eu-west-1");
    expect(read({ AWS_REGION: "us-east-1" }).region).toBe("us-east-1");
    expect(read({ AWS_DEFAULT_REGION: "us-east-2" }).region).toBe("us-east-2");
    expect(() => read({})).toThrow("CSE_KMS_REGION: the region of the KMS key is not known");
    expect(() => read({ CSE_KMS_REGION: "eu.evil/" })).toThrow(ConfigError);
  });

  test("the endpoint is AWS's of the region, or the one that is set", () => {
    const url = (values: Readonly<Record<string, string>>) => read(values).endpoint.href;
    const region = { CSE_KMS_REGION: "eu-north-1" };
    expect(url(region)).toBe("https://kms.eu-north-1.amazonaws.com/");
    expect(url({ CSE_KMS_REGION: "cn-north-1" })).toBe("https://kms.cn-north-1.amazonaws.com.cn/");
    const own = { ...region, CSE_KMS_ENDPOINT: "http://127.0.0.1:8080" };
    expect(url(own)).toBe("http://127.0.0.1:8080/");
    expect(() => read({ ...region, CSE_KMS_ENDPOINT: "kms" })).toThrow("CSE_KMS_ENDPOINT");
  });

  test.each(["", "two words", "line\nend"])("a key named %j is refused", (name) => {
    expect(() => read({ CSE_KMS_ID: name, CSE_KMS_REGION: "eu-north-1" })).toThrow(ConfigError);
  });
});

test("requests are signed for the service", async () => {
  const { kms, requests } = service(200, { CiphertextBlob: "AAAA" });
  expect(await kms.encrypt(new Uint8Array(3))).toEqual(Buffer.alloc(3));
  const [request] = requests;
  expect(request?.body).toBe('{"KeyId":"alias/backups","Plaintext":"AAAA"}');
  expect(request?.url.href).toBe("https://kms.eu-central-1.amazonaws.com/");
  expect(request?.headers["authorization"]).toBe(
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-central-1/kms/aws4_request, " +
      "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target, " +
      "Signature=144e0aa0ccf087d0aa3b4f631eb6bfc3418a3454d183a1c6a4925542f4bdab95",
  );
});

describe("answers", () => {
  test.each([
    [400, "InvalidCiphertextException", ""],
    [400, "com.amazonaws.kms#IncorrectKeyException", "another key"],
    [
      400,
      "AccessDeniedException",
      "The ciphertext refers to a customer master key that does not exist, does not exist in " +
        "this region, or you are not allowed to access.",
    ],
  ])("%d %s is a refusal of the bytes", async (status, __type, message) => {
    const { kms, requests } = service(status, { __type, message });
    await expect(kms.decrypt(new Uint8Array(3))).rejects.toThrow(RefusedByKeyService);
    expect(requests).toHaveLength(1);
  });

  test.each([
    [400, "AccessDeniedException", "access-denied", 1],
    [403, "UnknownException", "access-denied", 1],
    [400, "ExpiredTokenException", "access-denied", 1],
    [400, "DisabledException", "storage", 1],
    [400, "NotFoundException", "storage", 1],
    [400, "ThrottlingException", "storage", 8],
    [500, "KMSInternalException", "storage", 8],
    [503, "", "storage", 8],
  ])("%d %s is %s after %d attempts", async (status, __type, code, attempts) => {
    const { kms, requests } = service(status, { __type, message: "why" });
    const failed = kms.encrypt(new Uint8Array(3));
    await expect(failed).rejects.toThrow(KeyServiceError);
    await expect(failed).rejects.toMatchObject({ code });
    await expect(failed).rejects.toThrow(/^AWS KMS key alias\/backups in eu-central-1: /);
    expect(requests).toHaveLength(attempts);
  });

  test("without the bytes are errors", async () => {
    const { kms } = service(200, {});
    await expect(kms.encrypt(new Uint8Array(3))).rejects.toThrow("has no CiphertextBlob");
    await expect(kms.decrypt(new Uint8Array(3))).rejects.toThrow("has no Plaintext");
  });
});
