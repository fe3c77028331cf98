// Proves that each documented key of this section is in it, with its default.
import { expect, test } from "vitest";
import { findSetting } from "../../../src/config/table.ts";
import { S3_SETTINGS } from "../../../src/config/table-s3.ts";

const ROWS = S3_SETTINGS.settings;

const DOCUMENTED: readonly (readonly [string, string | undefined])[] = [
  ["WALG_S3_PREFIX", undefined],
  ["WALE_S3_PREFIX", undefined],
  ["AWS_ACCESS_KEY_ID", undefined],
  ["AWS_ACCESS_KEY", undefined],
  ["AWS_SECRET_ACCESS_KEY", undefined],
  ["AWS_SECRET_KEY", undefined],
  ["AWS_SESSION_TOKEN", undefined],
  ["AWS_REGION", undefined],
  ["AWS_ENDPOINT", undefined],
  ["AWS_S3_FORCE_PATH_STYLE", "false"],
  ["AWS_ROLE_ARN", undefined],
  ["AWS_ROLE_SESSION_NAME", undefined],
  ["AWS_PROFILE", undefined],
  ["AWS_SHARED_CREDENTIALS_FILE", undefined],
  ["AWS_CONFIG_FILE", undefined],
  ["AWS_CA_BUNDLE", undefined],
  ["AWS_DEFAULT_REGION", undefined],
  ["AWS_DEFAULT_OUTPUT", undefined],
  ["AWS_DUAL_STACK", "false"],
  ["S3_SKIP_VALIDATION", "true"],
  ["S3_CA_CERT_FILE", undefined],
  ["WALG_S3_CA_CERT_FILE", undefined],
  ["S3_STORAGE_CLASS", "STANDARD"],
  ["WALE_S3_STORAGE_CLASS", "STANDARD"],
  ["S3_SSE", undefined],
  ["WALG_S3_SSE_C", undefined],
  ["WALG_S3_SSE_KMS_ID", undefined],
  ["S3_MAX_PART_SIZE", "20971520"],
  ["S3_USE_LIST_OBJECTS_V1", "false"],
  ["S3_MAX_RETRIES", "15"],
  ["S3_MIN_THROTTLING_RETRY_DELAY", "500"],
  ["S3_MAX_THROTTLING_RETRY_DELAY", "300000"],
  ["S3_RANGE_BATCH_ENABLED", "false"],
  ["S3_RANGE_MAX_RETRIES", "10"],
  ["S3_ENDPOINT_SOURCE", undefined],
  ["S3_ENDPOINT_PORT", "443"],
  ["S3_ENDPOINT_PROTOCOL", "http"],
  ["S3_LOG_LEVEL", undefined],
  ["S3_REQUEST_ADDITIONAL_HEADERS", undefined],
  ["S3_RETENTION_PERIOD", "-1"],
  ["S3_RETENTION_MODE", "GOVERNANCE"],
  ["S3_DISABLE_100_CONTINUE", "false"],
  ["S3_ENABLE_VERSIONING", "auto"],
  ["S3_DELETE_BATCH_SIZE", "1000"],
  ["S3_USE_YC_SESSION_TOKEN", "false"],
];

test.each(DOCUMENTED)("knows %s with default %s", (name, usual) => {
  const setting = findSetting(name)?.setting;
  expect(ROWS).toContain(setting);
  expect(setting?.default).toBe(usual);
});
