import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeAuthority, makeCertificate } from "./certificates.ts";
import { giveToServers } from "./scratch.ts";

/**
 * Yandex Cloud's key service on this machine, made after its public reference, as there is no
 * server of it to be had: addresses, tokens for signed accounts, symmetric encryption; over HTTPS.
 */
export interface YandexService {
  /** `host:port`, for the settings. */
  readonly endpoint: string;
  readonly authorityFile: string;
  /** As `yc iam key create` writes it. */
  readonly accountFile: string;
  readonly keyIds: readonly string[];
  /** Path and outcome of every request. */
  readonly requests: string[];
  /** Settings of the Yandex KMS cipher with the first key. */
  readonly settings: Readonly<Record<string, string>>;
  /** As a user of the service would do it by hand. */
  encrypt(keyId: string, plain: Uint8Array): Promise<Uint8Array>;
  /** What the next requests are answered with, in place of an answer. */
  failures: Response[];
  /** Tokens given so far are no longer taken. */
  revokeTokens(): void;
  stop(): Promise<void>;
}

const AUDIENCE = "https://iam.api.cloud.yandex.net/iam/v1/tokens";
const PS256 = { name: "RSA-PSS", hash: "SHA-256" } as const;
const ACCOUNT = { id: "ajekeyid", service_account_id: "ajeaccount", key_algorithm: "RSA_2048" };

export async function startYandexService(): Promise<YandexService> {
  const dir = mkdtempSync(join(tmpdir(), "tidemark-yandex-"));
  const authority = makeAuthority(dir, "yandex-authority");
  const certificate = makeCertificate(dir, {
    authority,
    commonName: "yandex-service",
    alternativeName: "DNS:localhost",
  });
  const account = await makeAccount();
  const accountFile = join(dir, "account.json");
  writeFileSync(accountFile, account.file);
  const keyIds = ["abjfirst", "abjsecond"];
  const state = new ServiceState(account.publicKey, await makeKeys(keyIds));
  const server: Bun.Server<undefined> = Bun.serve({
    port: 0,
    hostname: "localhost",
    tls: { cert: Bun.file(certificate.certificatePath), key: Bun.file(certificate.keyPath) },
    fetch: async (request): Promise<Response> => {
      const response = state.failures.shift() ?? (await state.answer(request, server.port ?? 0));
      state.requests.push(`${new URL(request.url).pathname} ${response.status}`);
      return response;
    },
  });
  for (const path of [dir, accountFile, authority.certificatePath]) giveToServers(path);
  const endpoint = `localhost:${server.port}`;
  return {
    endpoint,
    authorityFile: authority.certificatePath,
    accountFile,
    keyIds,
    requests: state.requests,
    failures: state.failures,
    settings: {
      YC_CSE_KMS_KEY_ID: keyIds[0] ?? "",
      YC_SERVICE_ACCOUNT_KEY_FILE: accountFile,
      TIDEMARK_YC_CSE_KMS_ENDPOINT: endpoint,
      AWS_CA_BUNDLE: authority.certificatePath,
    },
    encrypt: (keyId, plain) => state.encrypt(keyId, plain),
    revokeTokens: () => state.tokens.clear(),
    async stop() {
      await server.stop(true);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

class ServiceState {
  readonly requests: string[] = [];
  readonly failures: Response[] = [];
  readonly tokens = new Set<string>();
  readonly #accountKey: CryptoKey;
  readonly #keys: ReadonlyMap<string, CryptoKey>;

  constructor(accountKey: CryptoKey, keys: ReadonlyMap<string, CryptoKey>) {
    this.#accountKey = accountKey;
    this.#keys = keys;
  }

  async answer(request: Request, port: number): Promise<Response> {
    const { pathname } = new URL(request.url);
    const address = `localhost:${port}`;
    if (request.method === "GET" && pathname === "/endpoints") {
      const endpoints = ["iam", "kms-crypto", "compute"].map((id) => ({ id, address }));
      return Response.json({ endpoints });
    }
    const body = (await request.json()) as Readonly<Record<string, string>>;
    if (pathname === "/iam/v1/tokens") return await this.#giveToken(body["jwt"] ?? "");
    const [, keyId = "", action] = /^\/kms\/v1\/keys\/([^:/]+):(\w+)$/.exec(pathname) ?? [];
    const token = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
    if (!this.tokens.has(token)) return failure(401, 16, "The token is invalid");
    if (!this.#keys.has(keyId)) return failure(404, 5, `Key ${keyId} not found`);
    if (action === "encrypt") {
      const encrypted = await this.encrypt(keyId, Buffer.from(body["plaintext"] ?? "", "base64"));
      return Response.json({ keyId, versionId: "v1", ciphertext: toBase64(encrypted) });
    }
    if (action !== "decrypt") return failure(404, 5, "no such method");
    const plain = await this.#decrypt(keyId, Buffer.from(body["ciphertext"] ?? "", "base64"));
    if (plain === undefined) return failure(400, 3, "Invalid ciphertext");
    return Response.json({ keyId, versionId: "v1", plaintext: toBase64(plain) });
  }

  async encrypt(keyId: string, plain: Uint8Array): Promise<Uint8Array> {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const algorithm = { name: "AES-GCM", iv } as const;
    const key = this.#keyOf(keyId);
    const sealed = await crypto.subtle.encrypt(algorithm, key, Uint8Array.from(plain));
    return Buffer.concat([iv, Buffer.from(sealed)]);
  }

  async #decrypt(keyId: string, encrypted: Uint8Array): Promise<Uint8Array | undefined> {
    const algorithm = { name: "AES-GCM", iv: encrypted.slice(0, 12) } as const;
    try {
      const key = this.#keyOf(keyId);
      return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, encrypted.slice(12)));
    } catch {
      return undefined;
    }
  }

  #keyOf(keyId: string): CryptoKey {
    const key = this.#keys.get(keyId);
    if (key === undefined) throw new Error(`no key ${keyId}`);
    return key;
  }

  async #giveToken(jwt: string): Promise<Response> {
    const [header = "", claims = "", signature = ""] = jwt.split(".");
    const isSigned = await crypto.subtle.verify(
      { ...PS256, saltLength: 32 },
      this.#accountKey,
      Buffer.from(signature, "base64url"),
      Buffer.from(`${header}.${claims}`),
    );
    const read = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString());
    const { iss, aud, iat, exp } = read(claims);
    const nowS = Date.now() / 1000;
    const isTimely = iat <= nowS + 5 && exp > nowS && exp - iat <= 3600;
    const isOurs = iss === ACCOUNT.service_account_id && aud === AUDIENCE;
    const { kid, alg } = read(header);
    if (!isSigned || !isTimely || !isOurs || kid !== ACCOUNT.id || alg !== "PS256") {
      return failure(401, 16, "The JWT is invalid");
    }
    const iamToken = `t1.${crypto.randomUUID()}`;
    this.tokens.add(iamToken);
    const expiresAt = new Date(Date.now() + 12 * 3600_000).toISOString();
    return Response.json({ iamToken, expiresAt });
  }
}

function failure(status: number, code: number, message: string): Response {
  return Response.json({ code, message, details: [] }, { status });
}

async function makeAccount(): Promise<{ readonly file: string; readonly publicKey: CryptoKey }> {
  const size = { modulusLength: 2048, publicExponent: Uint8Array.from([1, 0, 1]) };
  const pair = await crypto.subtle.generateKey({ ...PS256, ...size }, true, ["sign", "verify"]);
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const lines = pkcs8.toString("base64").match(/.{1,64}/g) ?? [];
  const pem = ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""].join("\n");
  const warning = `PLEASE DO NOT REMOVE THIS LINE! Yandex.Cloud SA Key ID <${ACCOUNT.id}>\n`;
  const file = JSON.stringify({ ...ACCOUNT, private_key: warning + pem });
  return { file, publicKey: pair.publicKey };
}

async function makeKeys(ids: readonly string[]): Promise<ReadonlyMap<string, CryptoKey>> {
  const algorithm = { name: "AES-GCM", length: 256 };
  const entries = ids.map(async (id) => {
    const key = await crypto.subtle.generateKey(algorithm, false, ["encrypt", "decrypt"]);
    return [id, key] as const;
  });
  return new Map(await Promise.all(entries));
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
