// Proves that each documented key of this section is in it, with its default.
import { expect, test } from "vitest";
import { findSetting } from "../../../src/config/table.ts";
import { ENCRYPTION_SETTINGS } from "../../../src/config/table-encryption.ts";

const ROWS = ENCRYPTION_SETTINGS.settings;

const DOCUMENTED: readonly (readonly [string, string | undefined])[] = [
  ["WALG_PGP_KEY", undefined],
  ["WALG_PGP_KEY_PATH", undefined],
  ["WALG_PGP_KEY_PASSPHRASE", undefined],
  ["WALG_GPG_KEY_ID", undefined],
  ["WALE_GPG_KEY_ID", undefined],
  ["GPG_KEY_ID", undefined],
  ["WALG_LIBSODIUM_KEY", undefined],
  ["WALG_LIBSODIUM_KEY_PATH", undefined],
  ["WALG_LIBSODIUM_KEY_TRANSFORM", "none"],
  ["WALG_CSE_KMS_ID", undefined],
  ["WALG_CSE_KMS_REGION", undefined],
  ["YC_CSE_KMS_KEY_ID", undefined],
  ["YC_SERVICE_ACCOUNT_KEY_FILE", undefined],
  ["WALG_ENVELOPE_PGP_KEY", undefined],
  ["WALG_ENVELOPE_PGP_KEY_PATH", undefined],
  ["WALG_ENVELOPE_PGP_YC_CSE_KMS_KEY_ID", undefined],
  ["WALG_ENVELOPE_PGP_YC_SERVICE_ACCOUNT_KEY_FILE", undefined],
  ["WALG_ENVELOPE_PGP_YC_ENDPOINT", undefined],
  ["WALG_ENVELOPE_CACHE_EXPIRATION", undefined],
];

test.each(DOCUMENTED)("knows %s with default %s", (name, usual) => {
  const setting = findSetting(name)?.setting;
  expect(ROWS).toContain(setting);
  expect(setting?.default).toBe(usual);
});

test("has only keys of ciphers that we have as supported: nothing is stored in plain", () => {
  const missing = ROWS.filter(({ status }) => status === "missing").map(({ key }) => key);
  expect(missing).toEqual(["GPG_KEY_ID"]);
});
