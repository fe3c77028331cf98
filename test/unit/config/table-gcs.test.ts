// Proves that each documented key of Google Cloud Storage is in the table, with its default.
import { expect, test } from "vitest";
import { findSetting } from "../../../src/config/table.ts";
import { GCS_SETTINGS } from "../../../src/config/table-gcs.ts";

const DOCUMENTED: readonly (readonly [string, string | undefined])[] = [
  ["WALG_GS_PREFIX", undefined],
  ["GOOGLE_APPLICATION_CREDENTIALS", undefined],
  ["GCS_CONTEXT_TIMEOUT", "3600"],
  ["GCS_NORMALIZE_PREFIX", "true"],
  ["GCS_ENCRYPTION_KEY", undefined],
  ["GCS_MAX_CHUNK_SIZE", "52428800"],
  ["GCS_MAX_RETRIES", "16"],
  ["WALE_GS_PREFIX", undefined],
  ["STORAGE_EMULATOR_HOST", undefined],
  ["TIDEMARK_GCS_ENDPOINT", undefined],
  ["TIDEMARK_GCS_CA_CERT_FILE", undefined],
];

test.each(DOCUMENTED)("knows %s with default %s", (name, usual) => {
  const setting = findSetting(name)?.setting;
  expect(GCS_SETTINGS.settings).toContain(setting);
  expect(setting?.default).toBe(usual);
  expect(setting?.status ?? "supported").toBe("supported");
});
