// Proves what opening a bucket checks before anything is sent.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ByteBudget } from "../../../../src/base/byte-budget.ts";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { ConfigError } from "../../../../src/base/errors.ts";
import { SILENT_LOGGER } from "../../../../src/base/log.ts";
import { openS3Storage } from "../../../../src/storage/s3/open.ts";
import { readS3Settings } from "../../../../src/storage/s3/settings.ts";
import { mapSettings } from "../../../support/map-settings.ts";
import { quickPolicy } from "../../../support/retry-policy.ts";
import { makeScratch } from "../../../support/scratch.ts";

function open(values: Readonly<Record<string, string>>) {
  const settings = mapSettings({ S3_PREFIX: "s3://bucket/path", AWS_REGION: "r", ...values });
  return openS3Storage(readS3Settings(settings, ""), {
    budget: new ByteBudget(1 << 26),
    log: SILENT_LOGGER,
    clock: SYSTEM_CLOCK,
    policy: quickPolicy(1),
    idleTimeoutMs: 60_000,
    path: "direct",
  });
}

test("AWS is known to honour conditional writes, other services are asked first", async () => {
  expect((await open({})).traits.conditionalPut).toBe(true);
  const other = await open({ AWS_ENDPOINT: "http://minio:9000" });
  expect(other.traits.conditionalPut).toBe(false);
  expect(other.name).toBe("s3://bucket/path");
});

test("a file of authorities must be there and hold certificates", async () => {
  using scratch = makeScratch("authorities");
  const file = join(scratch.path, "ca.pem");
  await expect(open({ S3_CA_CERT_FILE: file })).rejects.toThrow("ENOENT");
  writeFileSync(file, "not a certificate");
  await expect(open({ S3_CA_CERT_FILE: file })).rejects.toThrow(ConfigError);
});
