// Proves which raw headers go with which request, setting by setting.
import { describe, expect, test } from "vitest";
import {
  accessHeaders,
  createHeaders,
  type ObjectSettings,
} from "../../../../src/storage/s3/object-headers.ts";

const PLAIN: ObjectSettings = {
  storageClass: undefined,
  encryption: undefined,
  tags: undefined,
  retention: undefined,
  additionalHeaders: {},
};
const FACTS = { putId: "id", now: new Date("2026-01-01T00:00:00Z") };
const ALWAYS = { "content-type": "application/octet-stream", "x-amz-meta-tidemark-put": "id" };

function created(settings: Partial<ObjectSettings>) {
  return createHeaders({ ...PLAIN, ...settings }, FACTS);
}

describe("createHeaders", () => {
  test("plain objects carry no more than their put's id", () => {
    expect(created({})).toEqual(ALWAYS);
    expect(created({ storageClass: "STANDARD" })).toEqual(ALWAYS);
  });

  test("storage class, tags, retention and additional headers", () => {
    expect(
      created({
        storageClass: "GLACIER_IR",
        tags: "a=b",
        retention: { periodMs: 60_000, mode: "COMPLIANCE" },
        additionalHeaders: { "x-extra": "1" },
      }),
    ).toEqual({
      ...ALWAYS,
      "x-amz-storage-class": "GLACIER_IR",
      "x-amz-tagging": "a=b",
      "x-amz-object-lock-mode": "COMPLIANCE",
      "x-amz-object-lock-retain-until-date": "2026-01-01T00:01:00.000Z",
      "x-extra": "1",
    });
  });

  test("encryption by service, key service and customer", () => {
    const prefix = "x-amz-server-side-encryption";
    expect(created({ encryption: { by: "service" } })).toEqual({ ...ALWAYS, [prefix]: "AES256" });
    const kms = { by: "kms", algorithm: "aws:kms", kmsKeyId: "k" } as const;
    expect(created({ encryption: kms })).toEqual({
      ...ALWAYS,
      [prefix]: "aws:kms",
      [`${prefix}-aws-kms-key-id`]: "k",
    });
    const customer = { by: "customer", keyBase64: "key", keyMd5Base64: "md5" } as const;
    expect(created({ encryption: customer })).toEqual({
      ...ALWAYS,
      [`${prefix}-customer-algorithm`]: "AES256",
      [`${prefix}-customer-key`]: "key",
      [`${prefix}-customer-key-md5`]: "md5",
    });
  });
});

test("accessHeaders holds the customer's key and what goes with every request, no more", () => {
  const others = {
    ...PLAIN,
    storageClass: "X",
    tags: "a=b",
    encryption: { by: "service" } as const,
  };
  expect(accessHeaders(others)).toEqual({});
  const customer = { by: "customer", keyBase64: "key", keyMd5Base64: "md5" } as const;
  const headers = accessHeaders({ ...PLAIN, encryption: customer, additionalHeaders: { x: "1" } });
  expect(Object.keys(headers)).toHaveLength(4);
});
