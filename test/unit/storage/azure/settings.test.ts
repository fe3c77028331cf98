// Proves what each setting of Azure Blob Storage means, and that nonsense is refused unprinted.
import { expect, test } from "vitest";
import { ConfigError } from "../../../../src/base/errors.ts";
import { readAzureSettings } from "../../../../src/storage/azure/settings.ts";
import { mapSettings } from "../../../support/map-settings.ts";

const MIB = 1024 * 1024;
const KEY = { AZURE_STORAGE_ACCESS_KEY: "c2VjcmV0IGtleQ==" };
type Values = Readonly<Record<string, string>>;

function read(values: Values, storagePrefix = "") {
  const usual = { AZ_PREFIX: "azure://box/a/b/", AZURE_STORAGE_ACCOUNT: "backups" };
  const all = Object.entries({ ...usual, ...values }).filter(([, value]) => value !== "");
  return readAzureSettings(mapSettings(Object.fromEntries(all)), storagePrefix);
}

test("an account and its key are enough", () => {
  expect(read(KEY, "x")).toMatchObject({
    container: "box",
    keyPrefix: "a/b/x/",
    endpoint: new URL("https://backups.blob.core.windows.net"),
    credentials: { by: "key", account: "backups", key: Buffer.from("secret key") },
    apiVersion: "2021-12-02",
    partBytesMax: 8 * MIB,
    partsInFlightMax: 4,
    attemptsMax: 16,
    requestLimitMs: 300_000,
  });
});

test.each([
  ["AzureUSGovernmentCloud", "core.usgovcloudapi.net", "https://login.microsoftonline.us"],
  ["AzureChinaCloud", "core.chinacloudapi.cn", "https://login.chinacloudapi.cn"],
  ["AzureGermanCloud", "core.cloudapi.de", "https://login.microsoftonline.de"],
])("%s is at %s", (name, suffix, authority) => {
  expect(read({ AZURE_ENVIRONMENT_NAME: name })).toMatchObject({
    endpoint: new URL(`https://backups.blob.${suffix}`),
    credentials: { by: "identity", identity: { authority } },
  });
  const own = { AZURE_ENVIRONMENT_NAME: name, AZURE_ENDPOINT_SUFFIX: "storage.example.com" };
  expect(read(own).endpoint.host).toBe("backups.blob.storage.example.com");
});

test("a key goes before a signature, a signature before an identity", () => {
  const sas = { AZURE_STORAGE_SAS_TOKEN: "?sv=2024-01-01&sig=a%2Bb%3D" };
  expect(read({ ...KEY, ...sas }).credentials.by).toBe("key");
  expect(read(sas).credentials).toEqual({
    by: "sas",
    query: [
      ["sv", "2024-01-01"],
      ["sig", "a+b="],
    ],
  });
  expect(read({}).credentials.by).toBe("identity");
});

test("a connection string says it all, and settings of their own win over it", () => {
  const text = (parts: Values) =>
    Object.entries(parts)
      .map(([name, value]) => `${name}=${value}`)
      .join(";");
  const account = { AccountName: "other", AccountKey: "b3RoZXI=", EndpointSuffix: "example.com" };
  const string = { AZURE_STORAGE_CONNECTION_STRING: text(account) };
  expect(read({ ...string, AZURE_STORAGE_ACCOUNT: "" })).toMatchObject({
    endpoint: new URL("https://other.blob.example.com"),
    credentials: { by: "key", account: "other", key: Buffer.from("other") },
  });
  expect(read({ ...string, ...KEY })).toMatchObject({
    endpoint: new URL("https://backups.blob.example.com"),
    credentials: { account: "backups", key: Buffer.from("secret key") },
  });
  const address = {
    BlobEndpoint: "https://third.blob.core.windows.net/",
    SharedAccessSignature: "sig=x",
  };
  const signed = { AZURE_STORAGE_CONNECTION_STRING: text(address), AZURE_STORAGE_ACCOUNT: "" };
  expect(read(signed)).toMatchObject({
    endpoint: new URL("https://third.blob.core.windows.net/"),
    credentials: { by: "sas" },
  });
});

test.each([
  { AZ_PREFIX: "s3://box/path" },
  { AZURE_STORAGE_ACCOUNT: "" },
  { AZURE_STORAGE_ACCOUNT: "No Account" },
  { AZURE_ENVIRONMENT_NAME: "AzureMoonCloud" },
  { AZURE_STORAGE_ACCESS_KEY: "hidden!" },
  { AZURE_STORAGE_SAS_TOKEN: "hidden=1" },
  { AZURE_STORAGE_CONNECTION_STRING: "hidden" },
  { AZURE_STORAGE_CONNECTION_STRING: "DefaultEndpointsProtocol=hidden" },
  { AZURE_BLOB_STORE_API_VERSION: "latest" },
  { AZURE_BUFFER_SIZE: "10" },
  { AZURE_MAX_BUFFERS: "0" },
  // A token goes nowhere in plain.
  { AZURE_ENDPOINT: "http://storage.example.com/backups" },
])("%j is refused", (values: Values) => {
  let error: unknown;
  try {
    read(values);
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(ConfigError);
  expect(Bun.inspect(error)).not.toContain("hidden");
});
