import { ConfigError } from "../../base/errors.ts";

/** What of an authorized key's file is needed to ask for tokens. */
export interface AccountKey {
  /** Names the file in messages. */
  readonly where: string;
  readonly id: string;
  readonly serviceAccountId: string;
  readonly privateKeyPem: string;
}

const LIFETIME_S = 3600;
const PS256 = { name: "RSA-PSS", hash: "SHA-256" } as const;
const SALT_BYTES = 32;

/** The file that `yc iam key create --output` writes. */
export function parseAccountKey(where: string, bytes: Uint8Array): AccountKey {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new ConfigError(`${where}: the file is no JSON document`);
  }
  const fields = (document ?? {}) as Readonly<Record<string, unknown>>;
  const text = (name: string): string => {
    const value = fields[name];
    if (typeof value === "string" && value !== "") return value;
    throw new ConfigError(
      `${where}: the file has no ${name}`,
      "Make it with `yc iam key create --service-account-name … --output FILE`.",
    );
  };
  return {
    where,
    id: text("id"),
    serviceAccountId: text("service_account_id"),
    privateKeyPem: text("private_key"),
  };
}

/** A token of the account's own making, to be exchanged for one of the service (PS256). */
export async function signedAccount(
  key: AccountKey,
  options: { readonly audience: string; readonly now: Date },
): Promise<string> {
  const issuedS = Math.floor(options.now.getTime() / 1000);
  const header = { typ: "JWT", alg: "PS256", kid: key.id };
  const claims = {
    iss: key.serviceAccountId,
    aud: options.audience,
    iat: issuedS,
    exp: issuedS + LIFETIME_S,
  };
  const signed = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const algorithm = { ...PS256, saltLength: SALT_BYTES };
  const signature = await crypto.subtle.sign(algorithm, await importKey(key), Buffer.from(signed));
  return `${signed}.${Buffer.from(signature).toString("base64url")}`;
}

/** Lines around the key are the service's warning not to edit it. */
async function importKey({ where, privateKeyPem }: AccountKey): Promise<CryptoKey> {
  const match = /-----BEGIN PRIVATE KEY-----([\s\S]*?)-----END PRIVATE KEY-----/.exec(
    privateKeyPem,
  );
  try {
    const bytes = Buffer.from((match?.[1] ?? "").replace(/\s/g, ""), "base64");
    return await crypto.subtle.importKey("pkcs8", bytes, PS256, false, ["sign"]);
  } catch {
    throw new ConfigError(`${where}: the file's private_key is no key`);
  }
}
