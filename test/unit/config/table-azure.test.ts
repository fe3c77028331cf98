// Proves that each documented key of Azure Blob Storage is in the table, with its default.
import { expect, test } from "vitest";
import { findSetting } from "../../../src/config/table.ts";
import { AZURE_SETTINGS } from "../../../src/config/table-azure.ts";

const DOCUMENTED: readonly (readonly [string, string | undefined])[] = [
  ["WALG_AZ_PREFIX", undefined],
  ["AZURE_STORAGE_ACCOUNT", undefined],
  ["AZURE_STORAGE_ACCESS_KEY", undefined],
  ["AZURE_STORAGE_SAS_TOKEN", undefined],
  ["AZURE_ENVIRONMENT_NAME", "AzurePublicCloud"],
  ["AZURE_ENDPOINT_SUFFIX", undefined],
  ["AZURE_BUFFER_SIZE", "8388608"],
  ["AZURE_MAX_BUFFERS", "4"],
  ["AZURE_TRY_TIMEOUT", "5"],
  ["AZURE_BLOB_STORE_API_VERSION", undefined],
  ["AZURE_STORAGE_CONNECTION_STRING", undefined],
  ["TIDEMARK_AZURE_ENDPOINT", undefined],
  ["TIDEMARK_AZURE_CA_CERT_FILE", undefined],
  ["TIDEMARK_AZURE_MAX_RETRIES", "15"],
  ["AZURE_TENANT_ID", undefined],
  ["AZURE_CLIENT_ID", undefined],
  ["AZURE_CLIENT_SECRET", undefined],
  ["AZURE_FEDERATED_TOKEN_FILE", undefined],
  ["AZURE_AUTHORITY_HOST", undefined],
  ["AZURE_POD_IDENTITY_AUTHORITY_HOST", undefined],
  ["IDENTITY_ENDPOINT", undefined],
  ["IDENTITY_HEADER", undefined],
];

test.each(DOCUMENTED)("knows %s with default %s", (name, usual) => {
  const setting = findSetting(name)?.setting;
  expect(AZURE_SETTINGS.settings).toContain(setting);
  expect(setting?.default).toBe(usual);
  expect(setting?.status ?? "supported").toBe("supported");
});

test("keys, signatures and tokens are secrets", () => {
  const secrets = AZURE_SETTINGS.settings.filter(({ isSecret }) => isSecret === true);
  expect(secrets.map(({ key }) => key).sort()).toEqual([
    "AZURE_CLIENT_SECRET",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_CONNECTION_STRING",
    "AZURE_STORAGE_SAS_TOKEN",
    "IDENTITY_HEADER",
  ]);
});
