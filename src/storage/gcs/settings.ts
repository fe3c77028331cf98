import { ConfigError } from "../../base/errors.ts";
import type { SettingReader } from "../../base/setting-reader.ts";
import type { AuthorityFile } from "../service/authorities.ts";
import type { ProxySettings } from "../service/proxy.ts";
import { parseCustomerKey, readEndpointUrl, readProxy, readWhole } from "../service/settings.ts";

/** Encryption by the service with a key of the customer. */
export interface CustomerKey {
  readonly base64: string;
  readonly sha256Base64: string;
}

export interface GcsSettings {
  readonly bucket: string;
  /** Before every key: empty, or ends with "/". */
  readonly keyPrefix: string;
  readonly endpoint: URL;
  /** An emulator takes requests without credentials, and gets none. */
  readonly isAnonymous: boolean;
  /** undefined: as Google's tools find them (their own file, the metadata server). */
  readonly credentialsFile: string | undefined;
  readonly customerKey: CustomerKey | undefined;
  readonly certificateFiles: readonly AuthorityFile[];
  readonly proxy: ProxySettings;
  readonly partBytesMax: number;
  readonly concurrencyMax: number;
  readonly attemptsMax: number;
  readonly requestLimitMs: number;
  readonly throttle: { readonly minMs: number; readonly maxMs: number };
}

const MIB = 1024 * 1024;
/** Every chunk of an upload but the last is a multiple of this. */
export const CHUNK_UNIT_BYTES = 256 * 1024;
/** A chunk is sent while the next is filled, and a whole object is copied into its request. */
const PART_BYTES_LIMIT = 16 * MIB;
const PUBLIC_ENDPOINT = "https://storage.googleapis.com";

export function readGcsSettings(settings: SettingReader, storagePrefix: string): GcsSettings {
  const prefix = settings.text("GS_PREFIX") ?? "";
  const normalizes =
    settings.text("GCS_NORMALIZE_PREFIX") === undefined || settings.flag("GCS_NORMALIZE_PREFIX");
  const { bucket, path } = readPrefix(prefix, normalizes);
  const folders = [path, storagePrefix].filter((folder) => folder !== "");
  const limits = { min: 1, max: 1_000_000 };
  const chunkBytes = readWhole(settings, "GCS_MAX_CHUNK_SIZE", {
    fallback: 50 * MIB,
    min: CHUNK_UNIT_BYTES,
    max: 1024 ** 4,
  });
  return {
    bucket,
    keyPrefix: folders.length === 0 ? "" : `${folders.join("/")}/`,
    ...readEndpoint(settings),
    credentialsFile: settings.text("GOOGLE_APPLICATION_CREDENTIALS"),
    customerKey: readCustomerKey(settings),
    certificateFiles: ["GCS_CA_CERT_FILE"].flatMap((setting) => {
      const file = settings.text(setting);
      return file === undefined ? [] : { setting, path: file };
    }),
    proxy: readProxy(settings),
    partBytesMax: Math.min(PART_BYTES_LIMIT, chunkBytes - (chunkBytes % CHUNK_UNIT_BYTES)),
    concurrencyMax: readWhole(settings, "UPLOAD_CONCURRENCY", { fallback: 16, min: 1, max: 1000 }),
    attemptsMax: 1 + readWhole(settings, "GCS_MAX_RETRIES", { fallback: 16, min: 0, max: 1000 }),
    requestLimitMs:
      1000 * readWhole(settings, "GCS_CONTEXT_TIMEOUT", { fallback: 3600, ...limits }),
    throttle: { minMs: 500, maxMs: 64_000 },
  };
}

/** Without normalization the path keeps its leading slash, as the first repositories have it. */
function readPrefix(
  text: string,
  normalizes: boolean,
): { readonly bucket: string; readonly path: string } {
  const match = /^gs:\/\/([^/?#@:]+)(\/[^?#]*)?$/.exec(text);
  if (match?.[1] === undefined) {
    throw new ConfigError(`GS_PREFIX: ${text} is not like gs://bucket/path`);
  }
  const path = (match[2] ?? "").replace(/\/+$/, "");
  return { bucket: match[1], path: normalizes ? path.replace(/^\/+/, "") : path };
}

/** An emulator is named as Google's clients want it: URL, or host and port for HTTP. */
function readEndpoint(settings: SettingReader): Pick<GcsSettings, "endpoint" | "isAnonymous"> {
  const emulator = settings.text("STORAGE_EMULATOR_HOST");
  const endpoint = settings.text("GCS_ENDPOINT");
  if (endpoint !== undefined) {
    return { endpoint: readEndpointUrl("GCS_ENDPOINT", endpoint), isAnonymous: false };
  }
  if (emulator === undefined) return { endpoint: new URL(PUBLIC_ENDPOINT), isAnonymous: false };
  const url = emulator.includes("://") ? emulator : `http://${emulator}`;
  const parsed = readEndpointUrl("STORAGE_EMULATOR_HOST", url);
  parsed.pathname = parsed.pathname.replace(/\/storage\/v1$/, "");
  return { endpoint: parsed, isAnonymous: true };
}

function readCustomerKey(settings: SettingReader): CustomerKey | undefined {
  const text = settings.text("GCS_ENCRYPTION_KEY");
  if (text === undefined) return undefined;
  const { bytes, base64 } = parseCustomerKey("GCS_ENCRYPTION_KEY", text);
  return { base64, sha256Base64: new Bun.CryptoHasher("sha256").update(bytes).digest("base64") };
}
