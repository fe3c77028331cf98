import { ConfigError } from "../../base/errors.ts";
import type { Token } from "../service/token-source.ts";

/** What of a service account's key file is needed to sign with it. */
export interface AccountKey {
  readonly clientEmail: string;
  readonly privateKeyId: string;
  readonly privateKeyPem: string;
}

const SCOPE = "https://www.googleapis.com/auth/devstorage.read_write";
const LIFETIME_S = 3600;
/** Clocks differ: a token from the future is refused. */
const BACKDATED_S = 10;

/** undefined: credentials of another kind, or of another cloud than the public one. */
export function parseAccountKey(setting: string, text: string): AccountKey | undefined {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new ConfigError(`${setting}: the file is no JSON document`);
  }
  if (typeof document !== "object" || document === null) {
    throw new ConfigError(`${setting}: the file holds no credentials`);
  }
  const fields = document as Readonly<Record<string, unknown>>;
  const universe = fields["universe_domain"] ?? "googleapis.com";
  if (fields["type"] !== "service_account" || universe !== "googleapis.com") return undefined;
  const text$ = (name: string): string => {
    const value = fields[name];
    if (typeof value === "string" && value !== "") return value;
    throw new ConfigError(`${setting}: the file has no ${name}`);
  };
  return {
    clientEmail: text$("client_email"),
    privateKeyId: text$("private_key_id"),
    privateKeyPem: text$("private_key"),
  };
}

/**
 * A token that the account signs itself, which the service takes in place of one that it gave
 * (RFC 7519, RS256; Google's "self-signed JWT"): no request, and nothing to load.
 */
export async function signToken(setting: string, key: AccountKey, now: Date): Promise<Token> {
  const issuedS = Math.floor(now.getTime() / 1000) - BACKDATED_S;
  const expiresS = issuedS + LIFETIME_S;
  const header = { alg: "RS256", typ: "JWT", kid: key.privateKeyId };
  const claims = {
    iss: key.clientEmail,
    sub: key.clientEmail,
    scope: SCOPE,
    iat: issuedS,
    exp: expiresS,
  };
  const signed = [header, claims].map((part) => encode(JSON.stringify(part))).join(".");
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const bytes = Buffer.from(signed);
  const signature = await crypto.subtle.sign(algorithm, await importKey(setting, key), bytes);
  return {
    value: `${signed}.${encode(new Uint8Array(signature))}`,
    expiresAt: new Date(expiresS * 1000),
  };
}

function encode(bytes: string | Uint8Array): string {
  return Buffer.from(bytes as Uint8Array).toString("base64url");
}

async function importKey(setting: string, { privateKeyPem }: AccountKey): Promise<CryptoKey> {
  const base64 = privateKeyPem.replace(/-----(?:BEGIN|END) PRIVATE KEY-----|\s/g, "");
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  try {
    const bytes = Buffer.from(base64, "base64");
    return await crypto.subtle.importKey("pkcs8", bytes, algorithm, false, ["sign"]);
  } catch {
    throw new ConfigError(`${setting}: the file's private_key is no key`);
  }
}
