// Proves that each kind of Google's credentials makes the token that requests carry, and that one
// which is refused is renewed, by looking at requests to a real server and to a token service.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { ConfigError } from "../../src/base/errors.ts";
import { AccessDeniedError, StorageUnavailableError } from "../../src/storage/errors.ts";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { GCS_HOOK_TIMEOUT_MS } from "../support/gcs-server.ts";
import { makeScratch, type ScratchDir } from "../support/scratch.ts";
import { listed, NEVER, pattern, put, read } from "./storage-driver.calls.ts";
import { MIB, type Values } from "./storage-driver.faulty-service.ts";
import { type FaultyGcs, startFaultyGcs } from "./storage-driver.gcs-faults.ts";

let gcs: FaultyGcs;
let scratch: ScratchDir;
beforeAll(async () => {
  gcs = await startFaultyGcs();
}, GCS_HOOK_TIMEOUT_MS);
afterAll(() => gcs?.stop());
beforeEach(() => {
  gcs.proxy.arm();
  scratch = makeScratch("gcs-credentials");
});
afterEach(() => scratch[Symbol.dispose]());

const ENVIRONMENT = ["GCE_METADATA_HOST", "METADATA_SERVER_DETECTION", "HOME"] as const;
const before = Object.fromEntries(ENVIRONMENT.map((name) => [name, process.env[name]]));
afterEach(() => {
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

/** A token service: each answer has a token of its own. */
function startTokenService(answer: (request: Request, count: number) => Response) {
  let count = 0;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      count += 1;
      return answer(request, count);
    },
  });
  return { host: `127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => server.stop(true) };
}

function credentialsFile(document: unknown): Values {
  const path = join(scratch.path, "credentials.json");
  writeFileSync(path, JSON.stringify(document), { mode: 0o600 });
  return { GOOGLE_APPLICATION_CREDENTIALS: path };
}

function open(settings: Values) {
  return gcs.open({ GCS_ENDPOINT: gcs.proxy.url, ...settings });
}

/** The tokens of all requests since the proxy was armed. */
function tokens(): readonly string[] {
  return gcs.proxy.seen.map(({ headers }) => headers.authorization ?? "none");
}

test("a service account signs each request but those of an upload under way", async () => {
  const { driver } = await open(gcs.account);
  const key = toObjectKey("account/large");
  const bytes = pattern(5 * MIB, 1);
  await put(driver, key, bytes);
  expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
  await driver.stat(key, NEVER);
  expect(await listed(driver, "account/")).toHaveLength(1);
  await driver.delete([key], NEVER);
  for (const { url, headers } of gcs.proxy.seen) {
    if (url.includes("upload_id=")) expect(headers.authorization).toBeUndefined();
    else expect(headers.authorization).toMatch(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/);
  }
  expect(new Set(tokens()).size).toBe(2);
});

test("workload identity exchanges its token, and a refused one is renewed once", async () => {
  await using service = startTokenService((_, count) =>
    Response.json({
      access_token: `token-${count}`,
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
      token_type: "Bearer",
      expires_in: 3600,
    }),
  );
  const subject = join(scratch.path, "subject-token");
  writeFileSync(subject, "from the cluster");
  const settings = credentialsFile({
    type: "external_account",
    audience:
      "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k",
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    token_url: `http://${service.host}/token`,
    credential_source: { file: subject },
  });
  const { driver, policy } = await open(settings);
  const key = toObjectKey("workload");
  await put(driver, key, pattern(10, 1));
  await driver.stat(key, NEVER);
  expect(tokens()).toEqual(["Bearer token-1", "Bearer token-1"]);
  const expired = { kind: "answer", status: 401, body: "" } as const;
  gcs.proxy.arm({ fault: expired });
  await driver.stat(key, NEVER);
  expect(tokens()).toEqual(["Bearer token-1", "Bearer token-2"]);
  expect(policy.retries).toEqual([]);
  gcs.proxy.arm({ times: 99, fault: expired });
  await expect(driver.stat(key, NEVER)).rejects.toBeInstanceOf(AccessDeniedError);
  gcs.proxy.arm();
  await driver.stat(key, NEVER);
});

test("without a file the metadata server is asked", async () => {
  await using service = startTokenService((request, count) => {
    const headers = { "metadata-flavor": "Google" };
    if (!request.url.includes("/token")) return new Response("ok", { headers });
    const token = { access_token: `metadata-${count}`, expires_in: 3600, token_type: "Bearer" };
    return Response.json(token, { headers });
  });
  process.env["GCE_METADATA_HOST"] = service.host;
  process.env["METADATA_SERVER_DETECTION"] = "assume-present";
  process.env["HOME"] = scratch.path;
  const { driver } = await open({});
  await put(driver, toObjectKey("metadata"), pattern(10, 1));
  expect(tokens()).toEqual([expect.stringMatching(/^Bearer metadata-\d+$/)]);
});

test("a token service that is down, or says no, is an error of its own kind", async () => {
  let status = 500;
  await using service = startTokenService(() => new Response("", { status }));
  const subject = join(scratch.path, "subject-token");
  writeFileSync(subject, "from the cluster");
  const settings = credentialsFile({
    type: "external_account",
    audience:
      "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k",
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    token_url: `http://${service.host}/token`,
    credential_source: { file: subject },
  });
  const key = toObjectKey("never-sent");
  const failing = await open(settings);
  const error = await put(failing.driver, key, pattern(3, 1)).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(StorageUnavailableError);
  expect(error).toMatchObject({ isTransient: true });
  status = 403;
  const denied = await open(settings);
  await expect(put(denied.driver, key, pattern(3, 1))).rejects.toBeInstanceOf(AccessDeniedError);
  expect(gcs.proxy.seen).toEqual([]);
});

test("no credentials at all, or a file that is none, is a configuration error", async () => {
  process.env["METADATA_SERVER_DETECTION"] = "none";
  process.env["HOME"] = scratch.path;
  const key = toObjectKey("never-sent");
  for (const settings of [
    {},
    { GOOGLE_APPLICATION_CREDENTIALS: join(scratch.path, "absent.json") },
    credentialsFile({ type: "service_account", private_key: "do-not-print" }),
  ]) {
    const { driver } = await open(settings);
    const error = await put(driver, key, pattern(3, 1)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConfigError);
    expect(Bun.inspect(error)).not.toContain("do-not-print");
  }
});

test("the customer's key goes with the bytes, and never into an error", async () => {
  const base64 = Buffer.alloc(32, 7).toString("base64");
  const { driver } = await open({ ...gcs.account, GCS_ENCRYPTION_KEY: base64 });
  const key = toObjectKey("customers-key");
  await put(driver, key, pattern(5 * MIB, 1));
  await put(driver, key, pattern(10, 1));
  await read(driver, key);
  const withKey = gcs.proxy.seen.filter(
    ({ headers }) => headers["x-goog-encryption-key"] === base64,
  );
  expect(withKey.map(({ method }) => method)).toEqual(["POST", "POST", "GET"]);
  gcs.proxy.arm({ times: 99, fault: { kind: "answer", status: 400, body: "" } });
  const error = await read(driver, key).catch((caught: unknown) => caught);
  expect(Bun.inspect(error)).not.toContain(base64);
});
