import { writeFileSync } from "node:fs";

/** A service account's key file, as Google's console gives it. */
export async function writeGcsAccount(path: string): Promise<void> {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const size = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const pair = await crypto.subtle.generateKey({ ...algorithm, ...size }, true, ["sign", "verify"]);
  const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const document = {
    type: "service_account",
    client_email: "backup@project.iam.gserviceaccount.com",
    private_key_id: "key-1",
    private_key: [
      "-----BEGIN PRIVATE KEY-----",
      key.toString("base64"),
      "-----END PRIVATE KEY-----",
    ].join("\n"),
  };
  writeFileSync(path, JSON.stringify(document), { mode: 0o600 });
}

/** The times of a token that an account signed itself; undefined: it is none. */
export function timesOfToken(
  authorization: string | undefined,
): { readonly issuedMs: number; readonly expiresMs: number } | undefined {
  const claims = /^Bearer [\w-]+\.([\w-]+)\.[\w-]+$/.exec(authorization ?? "")?.[1];
  if (claims === undefined) return undefined;
  const { iat, exp } = JSON.parse(Buffer.from(claims, "base64url").toString("utf8")) as {
    readonly iat: number;
    readonly exp: number;
  };
  return { issuedMs: iat * 1000, expiresMs: exp * 1000 };
}
