import { ConfigError } from "../../base/errors.ts";
import type { SettingReader } from "../../base/setting-reader.ts";
import type { AuthorityFile } from "../service/authorities.ts";
import type { ProxySettings } from "../service/proxy.ts";
import { readEndpointUrl, readProxy, readWhole } from "../service/settings.ts";
import { parseConnectionString } from "./connection-string.ts";
import type { IdentitySettings } from "./identity.ts";

/** How requests prove who sends them. */
export type AzureCredentials =
  | { readonly by: "key"; readonly account: string; readonly key: Buffer }
  | { readonly by: "sas"; readonly query: readonly (readonly [string, string])[] }
  | { readonly by: "identity"; readonly identity: IdentitySettings };

export interface AzureSettings {
  readonly container: string;
  /** Before every key: empty, or ends with "/". */
  readonly keyPrefix: string;
  /** Of the account: containers are below it. */
  readonly endpoint: URL;
  readonly credentials: AzureCredentials;
  readonly apiVersion: string;
  readonly certificateFiles: readonly AuthorityFile[];
  readonly proxy: ProxySettings;
  readonly partBytesMax: number;
  readonly partsInFlightMax: number;
  readonly concurrencyMax: number;
  readonly attemptsMax: number;
  readonly requestLimitMs: number;
  readonly throttle: { readonly minMs: number; readonly maxMs: number };
}

const MIB = 1024 * 1024;
/** What the service takes as one block. */
const BLOCK_BYTES_LIMIT = 4000 * MIB;
/** Of 2021: every cloud of Azure has it, and the clouds in one's own rooms have it by now. */
const API_VERSION = "2021-12-02";

interface Cloud {
  readonly suffix: string;
  readonly authority: string;
}

const CLOUDS: Readonly<Record<string, Cloud>> = {
  AzurePublicCloud: {
    suffix: "core.windows.net",
    authority: "https://login.microsoftonline.com",
  },
  AzureUSGovernmentCloud: {
    suffix: "core.usgovcloudapi.net",
    authority: "https://login.microsoftonline.us",
  },
  AzureChinaCloud: {
    suffix: "core.chinacloudapi.cn",
    authority: "https://login.chinacloudapi.cn",
  },
  AzureGermanCloud: {
    suffix: "core.cloudapi.de",
    authority: "https://login.microsoftonline.de",
  },
};

export function readAzureSettings(settings: SettingReader, storagePrefix: string): AzureSettings {
  const { container, path } = readPrefix(settings.text("AZ_PREFIX") ?? "");
  const folders = [path, storagePrefix].filter((folder) => folder !== "");
  const cloud = readCloud(settings.text("AZURE_ENVIRONMENT_NAME") ?? "AzurePublicCloud");
  const account = readAccount(settings, cloud);
  const apiVersion = settings.text("AZURE_BLOB_STORE_API_VERSION") ?? API_VERSION;
  if (!/^\d{4}-\d\d-\d\d$/.test(apiVersion)) {
    throw new ConfigError(`AZURE_BLOB_STORE_API_VERSION: ${apiVersion} is not like ${API_VERSION}`);
  }
  const many = { min: 1, max: 1000 };
  return {
    container,
    keyPrefix: folders.length === 0 ? "" : `${folders.join("/")}/`,
    ...account,
    apiVersion,
    certificateFiles: ["AZURE_CA_CERT_FILE"].flatMap((setting) => {
      const file = settings.text(setting);
      return file === undefined ? [] : { setting, path: file };
    }),
    proxy: readProxy(settings),
    partBytesMax: readWhole(settings, "AZURE_BUFFER_SIZE", {
      fallback: 8 * MIB,
      min: 1024,
      max: BLOCK_BYTES_LIMIT,
    }),
    partsInFlightMax: readWhole(settings, "AZURE_MAX_BUFFERS", { fallback: 4, ...many }),
    concurrencyMax: readWhole(settings, "UPLOAD_CONCURRENCY", { fallback: 16, ...many }),
    attemptsMax: 1 + readWhole(settings, "AZURE_MAX_RETRIES", { fallback: 15, min: 0, max: 1000 }),
    requestLimitMs: 60_000 * readWhole(settings, "AZURE_TRY_TIMEOUT", { fallback: 5, ...many }),
    throttle: { minMs: 500, maxMs: 60_000 },
  };
}

function readPrefix(text: string): { readonly container: string; readonly path: string } {
  const match = /^azure:\/\/([^/?#@:]+)(?:\/([^?#]*))?$/.exec(text);
  if (match?.[1] === undefined) {
    throw new ConfigError(`AZ_PREFIX: ${text} is not like azure://container/path`);
  }
  return { container: match[1], path: (match[2] ?? "").replace(/^\/+|\/+$/g, "") };
}

function readCloud(name: string): Cloud {
  const cloud = CLOUDS[name];
  if (cloud !== undefined) return cloud;
  throw new ConfigError(
    `AZURE_ENVIRONMENT_NAME: ${name} is none of ${Object.keys(CLOUDS).join(", ")}`,
  );
}

/** A connection string has what else several settings say; these win over its parts. */
function readAccount(
  settings: SettingReader,
  cloud: Cloud,
): Pick<AzureSettings, "endpoint" | "credentials"> {
  const text = settings.text("AZURE_STORAGE_CONNECTION_STRING");
  const given = text === undefined ? {} : parseConnectionString(text);
  const name = settings.text("AZURE_STORAGE_ACCOUNT") ?? given.account;
  const endpoint = settings.text("AZURE_ENDPOINT");
  const suffix = settings.text("AZURE_ENDPOINT_SUFFIX") ?? given.suffix ?? cloud.suffix;
  if (name === undefined || !/^[a-z0-9]+$/.test(name)) {
    throw new ConfigError(
      name === undefined
        ? "AZURE_STORAGE_ACCOUNT: is missing"
        : `AZURE_STORAGE_ACCOUNT: ${name} is not like backups42`,
      "Name the storage account, or set AZURE_STORAGE_CONNECTION_STRING.",
    );
  }
  const url =
    endpoint === undefined
      ? (given.endpoint ?? new URL(`${given.protocol ?? "https"}://${name}.blob.${suffix}`))
      : readEndpointUrl("AZURE_ENDPOINT", endpoint);
  const key = settings.text("AZURE_STORAGE_ACCESS_KEY") ?? given.key;
  const sas = settings.text("AZURE_STORAGE_SAS_TOKEN") ?? given.sas;
  if (key !== undefined) {
    return { endpoint: url, credentials: { by: "key", account: name, key: parseKey(key) } };
  }
  if (sas !== undefined) return { endpoint: url, credentials: { by: "sas", query: parseSas(sas) } };
  requireSecure(url);
  const identity = readIdentity(settings, cloud);
  return { endpoint: url, credentials: { by: "identity", identity } };
}

function parseKey(text: string): Buffer {
  const key = Buffer.from(text, "base64");
  if (
    key.byteLength === 0 ||
    key.toString("base64").replace(/=+$/, "") !== text.replace(/=+$/, "")
  ) {
    throw new ConfigError("AZURE_STORAGE_ACCESS_KEY: is not in base64, as the portal shows it");
  }
  return key;
}

function parseSas(text: string): readonly (readonly [string, string])[] {
  const query = [...new URLSearchParams(text.replace(/^\?/, ""))];
  if (query.some(([name]) => name === "sig")) return query;
  throw new ConfigError("AZURE_STORAGE_SAS_TOKEN: has no signature (sig=…)");
}

/** A token is as good as a password: it goes nowhere in plain. */
function requireSecure(endpoint: URL): void {
  if (endpoint.protocol === "https:") return;
  throw new ConfigError(
    "AZURE_ENDPOINT: is not HTTPS, and identities send tokens",
    "Use HTTPS, or AZURE_STORAGE_ACCESS_KEY.",
  );
}

function readIdentity(settings: SettingReader, cloud: Cloud): IdentitySettings {
  return {
    authority: settings.text("AZURE_AUTHORITY_HOST") ?? cloud.authority,
    tenantId: settings.text("AZURE_TENANT_ID"),
    clientId: settings.text("AZURE_CLIENT_ID"),
    clientSecret: settings.text("AZURE_CLIENT_SECRET"),
    federatedTokenFile: settings.text("AZURE_FEDERATED_TOKEN_FILE"),
    appEndpoint: settings.text("IDENTITY_ENDPOINT"),
    appHeader: settings.text("IDENTITY_HEADER"),
    metadataHost: settings.text("AZURE_POD_IDENTITY_AUTHORITY_HOST"),
  };
}
