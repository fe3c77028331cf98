import { ConfigError } from "../../base/errors.ts";
import type { SettingReader } from "../../base/setting-reader.ts";
import { parseCustomerKey } from "../service/settings.ts";
import type { Encryption, Retention } from "./object-headers.ts";

/** `S3_SSE`, `S3_SSE_KMS_ID`, `S3_SSE_C`; a half-set pair is an error, never plain storage. */
export function readEncryption(settings: SettingReader): Encryption | undefined {
  const algorithm = settings.text("S3_SSE");
  const kmsKeyId = settings.text("S3_SSE_KMS_ID");
  const customerKey = settings.text("S3_SSE_C");
  if (customerKey !== undefined) return readCustomerKey(customerKey, { algorithm, kmsKeyId });
  if (algorithm === "aws:kms" || algorithm === "aws:kms:dsse") {
    if (kmsKeyId === undefined) {
      throw new ConfigError(`S3_SSE_KMS_ID: is missing, and S3_SSE is ${algorithm}`);
    }
    return { by: "kms", algorithm, kmsKeyId };
  }
  if (kmsKeyId !== undefined) {
    throw new ConfigError("S3_SSE_KMS_ID: is set, and S3_SSE is not aws:kms");
  }
  if (algorithm === undefined) return undefined;
  if (algorithm !== "AES256") {
    throw new ConfigError(`S3_SSE: ${algorithm} is neither AES256 nor aws:kms`);
  }
  return { by: "service" };
}

function readCustomerKey(
  text: string,
  others: { readonly algorithm: string | undefined; readonly kmsKeyId: string | undefined },
): Encryption {
  if (others.kmsKeyId !== undefined || (others.algorithm ?? "AES256") !== "AES256") {
    throw new ConfigError("S3_SSE_C: goes with S3_SSE AES256 only, and without S3_SSE_KMS_ID");
  }
  const { bytes, base64 } = parseCustomerKey("S3_SSE_C", text);
  const md5 = new Bun.CryptoHasher("md5").update(bytes).digest("base64");
  return { by: "customer", keyBase64: base64, keyMd5Base64: md5 };
}

/** `S3_RETENTION_PERIOD` in seconds and `S3_RETENTION_MODE`: object lock of what is stored. */
export function readRetention(settings: SettingReader): Retention | undefined {
  const text = settings.text("S3_RETENTION_PERIOD");
  if (text === undefined || text === "-1") return undefined;
  const seconds = settings.whole("S3_RETENTION_PERIOD") ?? -1;
  if (seconds < 1) throw new ConfigError(`S3_RETENTION_PERIOD: ${text} is not like 2592000`);
  const mode = settings.text("S3_RETENTION_MODE") ?? "GOVERNANCE";
  if (mode !== "GOVERNANCE" && mode !== "COMPLIANCE") {
    throw new ConfigError(`S3_RETENTION_MODE: ${mode} is neither GOVERNANCE nor COMPLIANCE`);
  }
  return { periodMs: seconds * 1000, mode };
}

/** `key=value&key2=value2`, with what needs it percent-encoded: the form of the header. */
export function parseTags(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const tags = text.split("&");
  if (tags.length > 10 || tags.some((tag) => !/^[^=&\s]+=[^=&\s]*$/.test(tag))) {
    throw new ConfigError(`S3_TAGS: ${text} is not like team=dba&tier=gold, with ten tags at most`);
  }
  return text;
}

/** A YAML or JSON map of header names and values. */
export function parseHeaders(text: string | undefined): Readonly<Record<string, string>> {
  if (text === undefined) return {};
  const wrong = () =>
    new ConfigError(
      'S3_REQUEST_ADDITIONAL_HEADERS: is not like {"x-amz-request-payer": "requester"}',
    );
  let document: unknown;
  try {
    document = Bun.YAML.parse(text);
  } catch {
    throw wrong();
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) throw wrong();
  const entries = Object.entries(document).map(([name, value]) => {
    const isHeader = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && !/[\r\n\0]/.test(String(value));
    if (!isHeader || typeof value === "object") throw wrong();
    return [name.toLowerCase(), String(value)] as const;
  });
  return Object.fromEntries(entries);
}
