// Proves that an account's token is signed by its key and says what the service wants, by checking
// it as the service would.
import { expect, test } from "vitest";
import { ConfigError } from "../../../../src/base/errors.ts";
import { parseAccountKey, signToken } from "../../../../src/storage/gcs/account-token.ts";

const NOW = new Date("2026-11-24T11:00:00Z");
const ALGORITHM = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

async function newAccount() {
  const size = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const pair = await crypto.subtle.generateKey({ ...ALGORITHM, ...size }, true, ["sign", "verify"]);
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const lines = pkcs8.toString("base64").match(/.{1,64}/g) ?? [];
  const pem = ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""];
  const file = {
    type: "service_account",
    client_email: "backup@project.iam.gserviceaccount.com",
    private_key_id: "key-1",
    private_key: pem.join("\n"),
  };
  return { file, publicKey: pair.publicKey };
}

test("the token carries account, scope and times, and the key's signature", async () => {
  const { file, publicKey } = await newAccount();
  const key = parseAccountKey("KEY", JSON.stringify(file));
  if (key === undefined) throw new Error("the key was not recognised");
  const { value, expiresAt } = await signToken("KEY", key, NOW);
  const [header = "", claims = "", signature = ""] = value.split(".");
  const decode = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString());
  expect(decode(header)).toEqual({ alg: "RS256", typ: "JWT", kid: "key-1" });
  expect(decode(claims)).toEqual({
    iss: file.client_email,
    sub: file.client_email,
    scope: "https://www.googleapis.com/auth/devstorage.read_write",
    iat: NOW.getTime() / 1000 - 10,
    exp: NOW.getTime() / 1000 - 10 + 3600,
  });
  expect(expiresAt?.getTime()).toBe(NOW.getTime() + 3_590_000);
  const signed = Buffer.from(`${header}.${claims}`);
  const bytes = Buffer.from(signature, "base64url");
  expect(await crypto.subtle.verify(ALGORITHM, publicKey, bytes, signed)).toBe(true);
  const other = Buffer.from(`${header}.${claims}x`);
  expect(await crypto.subtle.verify(ALGORITHM, publicKey, bytes, other)).toBe(false);
});

test("other kinds of credentials, and accounts of other clouds, are the SDK's", () => {
  for (const document of [
    { type: "authorized_user" },
    { type: "external_account" },
    { type: "service_account", universe_domain: "example.com" },
  ]) {
    expect(parseAccountKey("KEY", JSON.stringify(document))).toBeUndefined();
  }
});

test("a file that is no credentials is a configuration error that holds no secret", async () => {
  const { file } = await newAccount();
  for (const text of ["", "{", "7", JSON.stringify({ ...file, client_email: undefined })]) {
    expect(() => parseAccountKey("KEY", text)).toThrow(ConfigError);
  }
  const key = parseAccountKey("KEY", JSON.stringify({ ...file, private_key: "hidden" }));
  if (key === undefined) throw new Error("the key was not recognised");
  const error = await signToken("KEY", key, NOW).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ConfigError);
  expect(Bun.inspect(error)).not.toContain("hidden");
});
