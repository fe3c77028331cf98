// Proves that each S3 setting reaches the service, by asking MinIO how it stored the object.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ByteBudget } from "../../src/base/byte-budget.ts";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { ConfigError } from "../../src/base/errors.ts";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { AccessDeniedError, StorageUnavailableError } from "../../src/storage/errors.ts";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { openStorage } from "../../src/storage/registry.ts";
import { mapSettings } from "../support/map-settings.ts";
import {
  askMinio,
  createBucket,
  MINIO_HOOK_TIMEOUT_MS,
  type Minio,
  startMinio,
} from "../support/minio.ts";
import { makeScratch } from "../support/scratch.ts";
import { listed, NEVER, pattern, put, read } from "./storage-driver.calls.ts";

const MIB = 1024 * 1024;
const LARGE = pattern(6 * MIB, 3);

let minio: Minio;
beforeAll(async () => {
  minio = await startMinio({ isTls: true });
  await createBucket(minio, "plain");
  await createBucket(minio, "locked", { hasObjectLock: true });
}, MINIO_HOOK_TIMEOUT_MS);
afterAll(() => minio?.stop());

type Values = Readonly<Record<string, string>>;

/** With static keys bytes go by our own signer; a role makes everything go by the SDK. */
const PATHS: readonly (readonly [string, () => Values])[] = [
  ["own signer", () => ({})],
  [
    "SDK with a role",
    () => ({
      AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/tidemark",
      AWS_ENDPOINT_URL_STS: minio.endpoint,
    }),
  ],
];

function open(values: Values): Promise<StorageDriver> {
  const settings: Record<string, string> = {
    S3_PREFIX: "s3://plain/repository",
    AWS_ENDPOINT: minio.endpoint,
    AWS_S3_FORCE_PATH_STYLE: "true",
    AWS_ACCESS_KEY_ID: minio.accessKey,
    AWS_SECRET_ACCESS_KEY: minio.secretKey,
    S3_CA_CERT_FILE: minio.caFile ?? "",
    S3_MAX_PART_SIZE: String(5 * MIB),
    S3_MAX_RETRIES: "0",
    ...values,
  };
  const set = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== ""));
  return openStorage(mapSettings(set), {
    budget: new ByteBudget(32 * MIB),
    log: SILENT_LOGGER,
    clock: SYSTEM_CLOCK,
  });
}

async function headersOf(path: string, headers: Values = {}): Promise<Headers> {
  const response = await askMinio(minio, { method: "HEAD", path, headers });
  expect(response.status).toBe(200);
  return response.headers;
}

describe.each(PATHS)("S3 settings, %s:", (label, own) => {
  const folder = label.split(" ")[0] ?? "";

  async function stored(name: string, values: Values): Promise<readonly string[]> {
    const driver = await open({ ...own(), ...values });
    const bucket = values["S3_PREFIX"] === undefined ? "plain" : "locked";
    const paths: string[] = [];
    for (const [kind, bytes] of [
      ["small", pattern(1000, 1)],
      ["large", LARGE],
    ] as const) {
      const key = toObjectKey(`${folder}/${name}/${kind}`);
      await put(driver, key, bytes);
      expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
      paths.push(`/${bucket}/repository/${key}`);
    }
    await driver.close();
    return paths;
  }

  test("storage class", async () => {
    for (const path of await stored("class", { S3_STORAGE_CLASS: "REDUCED_REDUNDANCY" })) {
      expect((await headersOf(path)).get("x-amz-storage-class")).toBe("REDUCED_REDUNDANCY");
    }
    const driver = await open({ ...own(), S3_STORAGE_CLASS: "NO_SUCH_CLASS" });
    const refused = put(driver, toObjectKey("refused"), pattern(3, 1));
    await expect(refused).rejects.toBeInstanceOf(StorageUnavailableError);
  });

  test("tags", async () => {
    for (const path of await stored("tags", { S3_TAGS: "team=dba&tier=gold%20plus" })) {
      const response = await askMinio(minio, { method: "GET", path: `${path}?tagging=` });
      const document = await response.text();
      expect(document).toContain("<Key>team</Key><Value>dba</Value>");
      expect(document).toContain("<Key>tier</Key><Value>gold plus</Value>");
    }
  });

  test("encryption by the service, with its own key and with one of its key service", async () => {
    for (const path of await stored("sse", { S3_SSE: "AES256" })) {
      expect((await headersOf(path)).get("x-amz-server-side-encryption")).toBe("AES256");
    }
    const kms = { S3_SSE: "aws:kms", S3_SSE_KMS_ID: "test-key" };
    for (const path of await stored("kms", kms)) {
      const headers = await headersOf(path);
      expect(headers.get("x-amz-server-side-encryption")).toBe("aws:kms");
      const keyId = headers.get("x-amz-server-side-encryption-aws-kms-key-id");
      expect(keyId).toContain("test-key");
    }
  });

  test("encryption with the customer's key: without it nobody reads the object", async () => {
    const key = Buffer.from(pattern(32, 5)).toString("base64");
    const paths = await stored("sse-c", { S3_SSE_C: key });
    for (const path of paths) {
      expect((await askMinio(minio, { method: "GET", path })).status).toBe(400);
    }
    const small = toObjectKey(`${folder}/sse-c/small`);
    const other = Buffer.from(pattern(32, 6)).toString("base64");
    const wrong = await open({ ...own(), S3_SSE_C: other });
    await expect(wrong.get(small, { signal: NEVER })).rejects.toBeInstanceOf(AccessDeniedError);
    const none = await open(own());
    await expect(none.get(small, { signal: NEVER })).rejects.toBeInstanceOf(
      StorageUnavailableError,
    );
  });

  test("retention", async () => {
    const locked = {
      S3_PREFIX: "s3://locked/repository",
      S3_RETENTION_PERIOD: "3600",
      S3_RETENTION_MODE: "GOVERNANCE",
    };
    for (const path of await stored("retention", locked)) {
      const headers = await headersOf(path);
      expect(headers.get("x-amz-object-lock-mode")).toBe("GOVERNANCE");
      const until = Date.parse(headers.get("x-amz-object-lock-retain-until-date") ?? "");
      expect(until - Date.now()).toBeGreaterThan(3_500_000);
      expect(until - Date.now()).toBeLessThan(3_700_000);
    }
  });

  test("additional headers", async () => {
    const values = { S3_REQUEST_ADDITIONAL_HEADERS: "x-amz-meta-owner: dba team" };
    for (const path of await stored("headers", values)) {
      expect((await headersOf(path)).get("x-amz-meta-owner")).toBe("dba team");
    }
  });

  test("an authority that is not named is not trusted, and that is said at once", async () => {
    const driver = await open({ ...own(), S3_CA_CERT_FILE: "", S3_MAX_RETRIES: "5" });
    const error = await put(driver, toObjectKey("x"), pattern(3, 1)).catch((caught) => caught);
    expect(error).toBeInstanceOf(StorageUnavailableError);
    expect(error).toMatchObject({ isTransient: false });
    expect(error.hint).toContain("S3_CA_CERT_FILE");
  });
});

describe("S3 credentials:", () => {
  test("a profile of a credentials file", async () => {
    using scratch = makeScratch("profile");
    const file = join(scratch.path, "credentials");
    const profile = [
      "[backup]",
      `aws_access_key_id = ${minio.accessKey}`,
      `aws_secret_access_key = ${minio.secretKey}`,
    ];
    writeFileSync(file, `${profile.join("\n")}\n`);
    const driver = await open({
      AWS_ACCESS_KEY_ID: "",
      AWS_SECRET_ACCESS_KEY: "",
      AWS_PROFILE: "backup",
      AWS_SHARED_CREDENTIALS_FILE: file,
    });
    await put(driver, toObjectKey("by-profile"), pattern(100, 1));
    expect(await listed(driver, "by-profile")).toHaveLength(1);
  });

  test("a profile that does not exist is a configuration error", async () => {
    const driver = await open({
      AWS_ACCESS_KEY_ID: "",
      AWS_SECRET_ACCESS_KEY: "",
      AWS_PROFILE: "nobody",
      AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
      AWS_CONFIG_FILE: "/dev/null",
    });
    const refused = driver.stat(toObjectKey("x"), NEVER);
    await expect(refused).rejects.toBeInstanceOf(ConfigError);
  });

  test("S3_SKIP_VALIDATION=false asks the bucket before anything else", async () => {
    const missing = { S3_PREFIX: "s3://missing/x", S3_SKIP_VALIDATION: "false" };
    await expect(open(missing)).rejects.toThrow("NoSuchBucket");
    await (await open({ S3_SKIP_VALIDATION: "false" })).close();
  });
});
