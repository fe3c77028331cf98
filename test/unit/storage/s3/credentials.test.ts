// Proves when credentials are asked for again, and what their absence is called.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../../src/base/errors.ts";
import { AccessDeniedError } from "../../../../src/storage/errors.ts";
import { credentialSource } from "../../../../src/storage/s3/credentials.ts";
import type { CredentialSettings } from "../../../../src/storage/s3/settings.ts";
import type { Transport } from "../../../../src/storage/service/transport.ts";
import { bytesSource } from "../../../../src/stream/byte-stream.ts";
import { makeScratch } from "../../../support/scratch.ts";

const NONE: CredentialSettings = {
  keys: undefined,
  profile: undefined,
  credentialsFile: "/dev/null",
  configFile: "/dev/null",
  role: undefined,
  webIdentityTokenFile: undefined,
  tokenServiceUrl: "http://sts.invalid",
};
const ROLE = { arn: "arn:aws:iam::123456789012:role/backup", sessionName: "tidemark" };
const KEYS = { accessKeyId: "id", secretAccessKey: "secret" };

function sourceOf(
  settings: Partial<CredentialSettings>,
  options: { readonly transport?: Transport; readonly now?: () => Date } = {},
) {
  return credentialSource(
    { ...NONE, ...settings },
    {
      storage: "s3://bucket",
      region: "us-east-1",
      transport: () => Promise.reject(new Error("nothing may be sent")),
      now: () => new Date("2026-01-01T00:00:00Z"),
      ...options,
    },
  );
}

/** A token service that gives keys for an hour from its `now`. */
function tokenService(now: () => Date, status = 200) {
  const bodies: string[] = [];
  const transport: Transport = async ({ body, signal }) => {
    bodies.push(String(body));
    const action = /Action=(\w+)/.exec(String(body))?.[1] ?? "";
    const until = new Date(now().getTime() + 3_600_000).toISOString();
    const keys =
      `<AccessKeyId>temp-${bodies.length}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>` +
      `<SessionToken>t</SessionToken><Expiration>${until}</Expiration>`;
    const result = `<${action}Result><Credentials>${keys}</Credentials></${action}Result>`;
    const ok = `<${action}Response>${result}</${action}Response>`;
    const error = "<Error><Code>AccessDenied</Code><Message>not allowed</Message></Error>";
    const denied = `<ErrorResponse>${error}</ErrorResponse>`;
    const text = status === 200 ? ok : denied;
    return {
      status,
      headers: new Headers({ "content-type": "text/xml" }),
      body: bytesSource(text).open(signal),
    };
  };
  return { transport, bodies };
}

describe("credentialSource", () => {
  test("static keys are given as they are", async () => {
    expect(await sourceOf({ keys: KEYS }).get()).toEqual(KEYS);
  });

  test("a role is assumed once, and again before its keys expire", async () => {
    let now = new Date("2026-01-01T00:00:00Z");
    const service = tokenService(() => now);
    const source = sourceOf(
      { keys: KEYS, role: ROLE },
      { transport: service.transport, now: () => now },
    );
    const first = await source.get();
    expect(first).toMatchObject({ accessKeyId: "temp-1", sessionToken: "t" });
    now = new Date("2026-01-01T00:54:00Z");
    expect((await source.get()).accessKeyId).toBe("temp-1");
    now = new Date("2026-01-01T00:56:00Z");
    expect((await source.get()).accessKeyId).not.toBe("temp-1");
    expect(service.bodies[0]).toContain("Action=AssumeRole");
    expect(service.bodies[0]).toContain(encodeURIComponent(ROLE.arn));
  });

  test("keys that were refused are replaced by others, where there are any", async () => {
    expect(await sourceOf({ keys: KEYS }).replace(KEYS)).toBe(false);
    const service = tokenService(() => new Date("2026-01-01T00:00:00Z"));
    const source = sourceOf({ keys: KEYS, role: ROLE }, { transport: service.transport });
    const first = await source.get();
    // All that were refused at once ask for one replacement.
    expect(await Promise.all([source.replace(first), source.replace(first)])).toEqual([true, true]);
    expect(await source.replace(first)).toBe(true);
    expect((await source.get()).accessKeyId).toBe("temp-2");
    expect(service.bodies).toHaveLength(2);
  });

  test("of a profile whose file was written anew the new keys are read", async () => {
    using scratch = makeScratch("profile");
    const file = join(scratch.path, "credentials");
    const write = (id: string) =>
      writeFileSync(file, `[backup]\naws_access_key_id=${id}\naws_secret_access_key=s\n`);
    write("old");
    const source = sourceOf({ profile: "backup", credentialsFile: file });
    const old = await source.get();
    expect(old.accessKeyId).toBe("old");
    expect(await source.replace(old)).toBe(false);
    write("new");
    expect(await source.replace(old)).toBe(true);
    expect((await source.get()).accessKeyId).toBe("new");
  });

  test("a token file makes it a web identity", async () => {
    using scratch = makeScratch("token");
    const file = join(scratch.path, "token");
    writeFileSync(file, "web-token");
    const service = tokenService(() => new Date("2026-01-01T00:00:00Z"));
    const source = sourceOf(
      { role: ROLE, webIdentityTokenFile: file },
      { transport: service.transport },
    );
    expect((await source.get()).accessKeyId).toBe("temp-1");
    expect(service.bodies[0]).toContain("Action=AssumeRoleWithWebIdentity");
    expect(service.bodies[0]).toContain("web-token");
  });

  test("a refused role is a refusal; an absent profile is a configuration error", async () => {
    const service = tokenService(() => new Date(), 403);
    const refused = sourceOf({ keys: KEYS, role: ROLE }, { transport: service.transport });
    await expect(refused.get()).rejects.toBeInstanceOf(AccessDeniedError);
    await expect(sourceOf({ profile: "nobody" }).get()).rejects.toBeInstanceOf(ConfigError);
  });
});
