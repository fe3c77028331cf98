// Proves each way to show who sends a request, against Azurite: signatures over HTTP, and over
// HTTPS the tokens of workloads, applications and managed identities, which Azurite looks into.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ByteBudget } from "../../src/base/byte-budget.ts";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { ConfigError } from "../../src/base/errors.ts";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { AccessDeniedError, StorageUnavailableError } from "../../src/storage/errors.ts";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { openStorage } from "../../src/storage/registry.ts";
import { AZURITE_HOOK_TIMEOUT_MS, type Azurite, startAzurite } from "../support/azurite.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { mapSettings } from "../support/map-settings.ts";
import { makeScratch, type ScratchDir } from "../support/scratch.ts";
import { listed, NEVER, pattern, put, read } from "./storage-driver.calls.ts";

const MIB = 1024 * 1024;
type Values = Readonly<Record<string, string>>;

let scratch: ScratchDir;
let caFile: string;
let azurite: Azurite;
beforeAll(async () => {
  scratch = makeScratch("azure-credentials");
  const authority = makeAuthority(scratch.path, "authority");
  caFile = authority.certificatePath;
  const certificate = makeCertificate(scratch.path, {
    authority,
    commonName: "localhost",
    alternativeName: "DNS:localhost",
  });
  azurite = await startAzurite(["box"], {
    tls: {
      certificateFile: certificate.certificatePath,
      keyFile: certificate.keyPath,
      authorityFile: caFile,
    },
  });
}, AZURITE_HOOK_TIMEOUT_MS);
afterAll(async () => {
  await azurite?.stop();
  scratch?.[Symbol.dispose]();
});

function open(values: Values): Promise<StorageDriver> {
  const settings = {
    AZ_PREFIX: "azure://box/credentials",
    AZURE_STORAGE_ACCOUNT: azurite.account,
    AZURE_ENDPOINT: azurite.endpoint,
    AZURE_CA_CERT_FILE: caFile,
    AZURE_BUFFER_SIZE: String(2 * MIB),
    AZURE_MAX_RETRIES: "0",
    ...values,
  };
  return openStorage(mapSettings(settings), {
    budget: new ByteBudget(32 * MIB),
    log: SILENT_LOGGER,
    clock: SYSTEM_CLOCK,
  });
}

/** Everything that a driver asks for, small and large. */
async function roundTrip(values: Values): Promise<void> {
  const driver = await open(values);
  for (const sizeBytes of [1000, 5 * MIB]) {
    const key = toObjectKey(`round trip/é+${sizeBytes}`);
    const bytes = pattern(sizeBytes, sizeBytes);
    await put(driver, key, bytes);
    expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
    expect((await listed(driver, "round trip/")).map((info) => info.key)).toContain(key);
    await driver.delete([key], NEVER);
  }
}

test("the account's key, alone and in a connection string", async () => {
  await roundTrip({ AZURE_STORAGE_ACCESS_KEY: azurite.key });
  const parts = [
    `AccountName=${azurite.account}`,
    `AccountKey=${azurite.key}`,
    `BlobEndpoint=${azurite.endpoint}`,
  ];
  await roundTrip({ AZURE_STORAGE_CONNECTION_STRING: parts.join(";") });
});

test("a shared access signature, and one that may not write", async () => {
  const sign = (permissions: string) =>
    generateBlobSASQueryParameters(
      {
        containerName: "box",
        permissions: ContainerSASPermissions.parse(permissions),
        expiresOn: new Date(Date.now() + 3_600_000),
      },
      new StorageSharedKeyCredential(azurite.account, azurite.key),
    ).toString();
  await roundTrip({ AZURE_STORAGE_SAS_TOKEN: `?${sign("racwdl")}` });
  const token = sign("rl");
  const reader = await open({ AZURE_STORAGE_SAS_TOKEN: token });
  const refused = put(reader, toObjectKey("refused"), pattern(3, 1));
  const error = await refused.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(AccessDeniedError);
  const signature = new URLSearchParams(token).get("sig") ?? "";
  expect(Bun.inspect(error)).not.toContain(signature);
});

test("a wrong key, and a token in plain, are refused", async () => {
  const wrong = Buffer.from("wrong key that nobody may see").toString("base64");
  const driver = await open({ AZURE_STORAGE_ACCESS_KEY: wrong });
  const error = await driver.stat(toObjectKey("x"), NEVER).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(AccessDeniedError);
  expect(Bun.inspect(error)).not.toContain(wrong);
  const plain = open({ AZURE_ENDPOINT: azurite.endpoint.replace("https", "http") });
  await expect(plain).rejects.toBeInstanceOf(ConfigError);
});

/** What Azurite looks for in a token; it knows no key to check its signature by. */
function accessToken(lifeS: number): string {
  const nowS = Math.floor(Date.now() / 1000);
  const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const claims = {
    aud: "https://storage.azure.com",
    iss: "https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/",
    iat: nowS - 10,
    nbf: nowS - 10,
    exp: nowS + lifeS,
  };
  return `${encode({ alg: "RS256", typ: "JWT" })}.${encode(claims)}.c2lnbmF0dXJl`;
}

interface TokenCall {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly form: URLSearchParams;
}

/** A service that gives tokens, and what it was asked. */
function startTokenService(answer: () => Response) {
  const calls: TokenCall[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { method, headers } = request;
      const form = new URLSearchParams(await request.text());
      calls.push({ method, url: new URL(request.url), headers, form });
      return answer();
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  return { url, calls, [Symbol.asyncDispose]: () => server.stop(true) };
}

const GIVEN = () => Response.json({ access_token: accessToken(3600), expires_in: 3600 });

test("workload identity shows the token of its file, once for all requests", async () => {
  await using service = startTokenService(GIVEN);
  const file = join(scratch.path, "federated");
  writeFileSync(file, "from the cluster\n");
  await roundTrip({
    AZURE_AUTHORITY_HOST: service.url,
    AZURE_TENANT_ID: "tenant",
    AZURE_CLIENT_ID: "client",
    AZURE_FEDERATED_TOKEN_FILE: file,
  });
  expect(service.calls).toHaveLength(1);
  const [call] = service.calls;
  expect(call?.url.pathname).toBe("/tenant/oauth2/v2.0/token");
  expect(Object.fromEntries(call?.form ?? [])).toEqual({
    client_id: "client",
    grant_type: "client_credentials",
    scope: "https://storage.azure.com/.default",
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: "from the cluster",
  });
});

test("a registered application shows its secret", async () => {
  await using service = startTokenService(GIVEN);
  await roundTrip({
    AZURE_AUTHORITY_HOST: service.url,
    AZURE_TENANT_ID: "tenant",
    AZURE_CLIENT_ID: "client",
    AZURE_CLIENT_SECRET: "secret",
  });
  expect(service.calls[0]?.form.get("client_secret")).toBe("secret");
});

test("a managed identity is asked of the machine or of the application service", async () => {
  const expiresOn = String(Math.floor(Date.now() / 1000) + 3600);
  await using service = startTokenService(() =>
    Response.json({ access_token: accessToken(3600), expires_on: expiresOn }),
  );
  await roundTrip({
    AZURE_POD_IDENTITY_AUTHORITY_HOST: service.url,
    AZURE_CLIENT_ID: "one-of-two",
  });
  const [machine] = service.calls;
  expect(machine?.headers.get("metadata")).toBe("true");
  expect(machine?.url.pathname).toBe("/metadata/identity/oauth2/token");
  expect(Object.fromEntries(machine?.url.searchParams ?? [])).toEqual({
    "api-version": "2018-02-01",
    resource: "https://storage.azure.com/",
    client_id: "one-of-two",
  });
  await roundTrip({ IDENTITY_ENDPOINT: `${service.url}/msi/token`, IDENTITY_HEADER: "shown" });
  const application = service.calls.at(-1);
  expect(application?.url.pathname).toBe("/msi/token");
  expect(application?.headers.get("x-identity-header")).toBe("shown");
});

test("an identity service that is down, or says no, is an error of its own kind", async () => {
  let status = 500;
  const refusal = { error: "invalid_client", error_description: "AADSTS7000215: wrong\r\nTrace" };
  await using service = startTokenService(() => Response.json(refusal, { status }));
  const settings = {
    AZURE_AUTHORITY_HOST: service.url,
    AZURE_TENANT_ID: "tenant",
    AZURE_CLIENT_ID: "client",
    AZURE_CLIENT_SECRET: "nobody-may-see",
  };
  const key = toObjectKey("never");
  const down = await (await open(settings)).stat(key, NEVER).catch((caught: unknown) => caught);
  expect(down).toBeInstanceOf(StorageUnavailableError);
  expect(down).toMatchObject({ isTransient: true });
  status = 401;
  const denied = await (await open(settings)).stat(key, NEVER).catch((caught: unknown) => caught);
  expect(denied).toBeInstanceOf(AccessDeniedError);
  expect(String(denied)).toContain("AADSTS7000215: wrong");
  expect(Bun.inspect(denied)).not.toContain("nobody-may-see");
});

test("an authority that is not named is not trusted", async () => {
  expect(readFileSync(caFile, "utf8")).toContain("CERTIFICATE");
  const values = { AZURE_STORAGE_ACCESS_KEY: azurite.key, AZURE_CA_CERT_FILE: "" };
  const settings = Object.fromEntries(
    Object.entries({
      AZ_PREFIX: "azure://box",
      AZURE_STORAGE_ACCOUNT: azurite.account,
      AZURE_ENDPOINT: azurite.endpoint,
      ...values,
    }).filter(([, value]) => value !== ""),
  );
  const driver = await openStorage(mapSettings(settings), {
    budget: new ByteBudget(32 * MIB),
    log: SILENT_LOGGER,
    clock: SYSTEM_CLOCK,
  });
  const refused = driver.stat(toObjectKey("x"), NEVER);
  await expect(refused).rejects.toMatchObject({
    isTransient: false,
    hint: expect.stringContaining("AZURE_CA_CERT_FILE"),
  });
});
