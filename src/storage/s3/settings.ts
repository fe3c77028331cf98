import { ConfigError } from "../../base/errors.ts";
import type { SettingReader } from "../../base/setting-reader.ts";
import type { AuthorityFile } from "../service/authorities.ts";
import type { ProxySettings } from "../service/proxy.ts";
import { readEndpointUrl, readProxy, readWhole } from "../service/settings.ts";
import type { ObjectSettings } from "./object-headers.ts";
import { parseHeaders, parseTags, readEncryption, readRetention } from "./object-settings.ts";
import type { S3Credentials } from "./signer.ts";

/** Where S3 credentials come from; without static keys the SDK's chain is asked. */
export interface CredentialSettings {
  readonly keys: S3Credentials | undefined;
  readonly profile: string | undefined;
  readonly credentialsFile: string | undefined;
  readonly configFile: string | undefined;
  readonly role: { readonly arn: string; readonly sessionName: string } | undefined;
  readonly webIdentityTokenFile: string | undefined;
  readonly tokenServiceUrl: string | undefined;
}

export interface S3Settings {
  readonly bucket: string;
  /** Before every key: empty, or ends with "/". */
  readonly keyPrefix: string;
  readonly region: string | undefined;
  /** A service other than AWS. */
  readonly endpoint: URL | undefined;
  readonly isPathStyle: boolean;
  readonly isDualStack: boolean;
  readonly endpointSource:
    | { readonly url: string; readonly port: number; readonly scheme: string }
    | undefined;
  readonly credentials: CredentialSettings;
  readonly certificateFiles: readonly AuthorityFile[];
  readonly proxy: ProxySettings;
  readonly objects: ObjectSettings;
  readonly partBytesMax: number;
  readonly concurrencyMax: number;
  readonly listVersion: 1 | 2;
  readonly deleteBatchMax: number;
  readonly attemptsMax: number;
  readonly resumesMax: number;
  readonly throttle: { readonly minMs: number; readonly maxMs: number };
  readonly shouldValidate: boolean;
}

const MIB = 1024 * 1024;
/** The smallest part that S3 takes, but for the last. */
export const PART_BYTES_MIN = 5 * MIB;
/** Of one object: that many keep a link busy, and other objects need theirs. */
export const PARTS_IN_FLIGHT_MAX = 4;
/** S3 takes no more parts of one object. */
export const PARTS_MAX = 10_000;
const PART_BYTES_LIMIT = 5 * 1024 * MIB;

export function readS3Settings(settings: SettingReader, storagePrefix: string): S3Settings {
  const { bucket, path } = readPrefix(settings.text("S3_PREFIX") ?? "");
  const folders = [path, storagePrefix].filter((folder) => folder !== "");
  if (settings.flag("S3_USE_YC_SESSION_TOKEN")) {
    throw new ConfigError(
      "S3_USE_YC_SESSION_TOKEN: tokens of the Yandex metadata service are not supported",
      "Use a static access key of the service account.",
    );
  }
  const endpoint = readEndpoint(settings.text("AWS_ENDPOINT"));
  return {
    bucket,
    keyPrefix: folders.length === 0 ? "" : `${folders.join("/")}/`,
    region: settings.text("AWS_REGION") ?? settings.text("AWS_DEFAULT_REGION"),
    endpoint,
    isPathStyle: settings.flag("AWS_S3_FORCE_PATH_STYLE") || needsPathStyle(bucket, endpoint),
    isDualStack: settings.flag("AWS_DUAL_STACK"),
    endpointSource: readEndpointSource(settings),
    credentials: readCredentials(settings),
    certificateFiles: ["S3_CA_CERT_FILE", "AWS_CA_BUNDLE"].flatMap((setting) => {
      const path = settings.text(setting);
      return path === undefined ? [] : { setting, path };
    }),
    proxy: readProxy(settings),
    objects: {
      storageClass: settings.text("S3_STORAGE_CLASS"),
      encryption: readEncryption(settings),
      tags: parseTags(settings.text("S3_TAGS")),
      retention: readRetention(settings),
      additionalHeaders: parseHeaders(settings.text("S3_REQUEST_ADDITIONAL_HEADERS")),
    },
    partBytesMax: readWhole(settings, "S3_MAX_PART_SIZE", {
      fallback: 20 * MIB,
      min: PART_BYTES_MIN,
      max: PART_BYTES_LIMIT,
    }),
    concurrencyMax: readWhole(settings, "UPLOAD_CONCURRENCY", { fallback: 16, min: 1, max: 1000 }),
    listVersion: settings.flag("S3_USE_LIST_OBJECTS_V1") ? 1 : 2,
    deleteBatchMax: readWhole(settings, "S3_DELETE_BATCH_SIZE", {
      fallback: 1000,
      min: 1,
      max: 1000,
    }),
    attemptsMax: 1 + readWhole(settings, "S3_MAX_RETRIES", { fallback: 15, min: 0, max: 1000 }),
    resumesMax: readWhole(settings, "S3_RANGE_MAX_RETRIES", { fallback: 10, min: 0, max: 1000 }),
    throttle: readThrottle(settings),
    shouldValidate:
      settings.text("S3_SKIP_VALIDATION") !== undefined && !settings.flag("S3_SKIP_VALIDATION"),
  };
}

function readPrefix(text: string): { readonly bucket: string; readonly path: string } {
  const match = /^s3:\/\/([^/?#@:]+)(?:\/([^?#]*))?$/.exec(text);
  if (match?.[1] === undefined) {
    throw new ConfigError(`S3_PREFIX: ${text} is not like s3://bucket/path`);
  }
  return { bucket: match[1], path: (match[2] ?? "").replace(/^\/+|\/+$/g, "") };
}

/** `host:port` means HTTPS, as for WAL-G. */
function readEndpoint(text: string | undefined): URL | undefined {
  if (text === undefined) return undefined;
  return readEndpointUrl("AWS_ENDPOINT", text.includes("://") ? text : `https://${text}`);
}

/** A bucket cannot be part of an IP address, nor of a certificate when its name has a dot. */
function needsPathStyle(bucket: string, endpoint: URL | undefined): boolean {
  const host = endpoint?.hostname ?? "";
  const isAddress = host === "localhost" || /^[\d.]+$/.test(host) || host.startsWith("[");
  return isAddress || !/^[a-z0-9][a-z0-9-]*$/.test(bucket);
}

function readEndpointSource(settings: SettingReader): S3Settings["endpointSource"] {
  const url = settings.text("S3_ENDPOINT_SOURCE");
  if (url === undefined) return undefined;
  const scheme = settings.text("S3_ENDPOINT_PROTOCOL") ?? "http";
  if (scheme !== "http" && scheme !== "https") {
    throw new ConfigError(`S3_ENDPOINT_PROTOCOL: ${scheme} is neither http nor https`);
  }
  const port = readWhole(settings, "S3_ENDPOINT_PORT", { fallback: 443, min: 1, max: 65_535 });
  return { url, port, scheme };
}

/** Of all services of AWS. */
export function readCredentials(settings: SettingReader): CredentialSettings {
  const accessKeyId = settings.text("AWS_ACCESS_KEY_ID");
  const secretAccessKey = settings.text("AWS_SECRET_ACCESS_KEY");
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    throw new ConfigError(
      "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: one is set, the other is not",
      "Set both, or none to use a profile, a role or the instance's metadata.",
    );
  }
  const roleArn = settings.text("AWS_ROLE_ARN");
  return {
    keys:
      accessKeyId === undefined || secretAccessKey === undefined
        ? undefined
        : { accessKeyId, secretAccessKey, sessionToken: settings.text("AWS_SESSION_TOKEN") },
    profile: settings.text("AWS_PROFILE"),
    credentialsFile: settings.text("AWS_SHARED_CREDENTIALS_FILE"),
    configFile: settings.text("AWS_CONFIG_FILE"),
    role:
      roleArn === undefined
        ? undefined
        : { arn: roleArn, sessionName: settings.text("AWS_ROLE_SESSION_NAME") ?? "tidemark" },
    webIdentityTokenFile: settings.text("AWS_WEB_IDENTITY_TOKEN_FILE"),
    tokenServiceUrl: settings.text("AWS_ENDPOINT_URL_STS"),
  };
}

function readThrottle(settings: SettingReader): S3Settings["throttle"] {
  const limits = { min: 0, max: 86_400_000 };
  const minMs = readWhole(settings, "S3_MIN_THROTTLING_RETRY_DELAY", { fallback: 500, ...limits });
  const maxMs = readWhole(settings, "S3_MAX_THROTTLING_RETRY_DELAY", {
    fallback: 300_000,
    ...limits,
  });
  return { minMs, maxMs: Math.max(minMs, maxMs) };
}
