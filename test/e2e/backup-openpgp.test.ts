// Proves that OpenPGP keys that cannot read or open are told before anything is touched, with the
// compiled binary on a server that has only the public key.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { makeOpenPgpKey } from "../support/openpgp-key.ts";
import { giveToServers, makeScratch } from "../support/scratch.ts";

const PASSPHRASE = "open sesame";
const keys = makeScratch("openpgp-keys");
const at = (name: string) => join(keys.path, name);
const publicKey = { WALG_PGP_KEY_PATH: at("public.asc") };
const privateKey = {
  WALG_PGP_KEY_PATH: at("private.asc"),
  WALG_PGP_KEY_PASSPHRASE: PASSPHRASE,
};
let site: BackupSite;

beforeAll(async () => {
  const own = await makeOpenPgpKey({ passphrase: PASSPHRASE });
  const other = await makeOpenPgpKey();
  const files = { public: own.public, private: own.private, other: other.private };
  for (const [name, bytes] of Object.entries(files)) {
    writeFileSync(at(`${name}.asc`), bytes);
    giveToServers(at(`${name}.asc`));
  }
  site = await BackupSite.create({ version: "17", env: publicKey });
  await site.mustPush([], { settings: publicKey });
}, 120_000);
afterAll(async () => {
  await site?.[Symbol.asyncDispose]();
  keys[Symbol.dispose]();
});

test("keys that cannot read are told before the target is touched", async () => {
  const target = join(site.scratch.path, "untouched");
  const { WALG_PGP_KEY_PATH } = privateKey;
  for (const [settings, exitCode, message] of [
    [publicKey, 10, "holds no private key"],
    [{ WALG_PGP_KEY_PATH }, 10, "PGP_KEY_PASSPHRASE is not set"],
    [{ WALG_PGP_KEY_PATH, WALG_PGP_KEY_PASSPHRASE: "barley" }, 10, "does not open private key"],
    [{ WALG_PGP_KEY_PATH: at("other.asc") }, 31, "does not open it"],
  ] as const) {
    const result = await site.run(["backup-fetch", target, "LATEST"], { settings });
    expect(result.stderr).toContain(message);
    expect(result.stderr).not.toContain("barley");
    expect(result.exitCode).toBe(exitCode);
    expect(existsSync(target)).toBe(false);
  }
});

test("a key that does not open is told before the server is asked for a backup", async () => {
  const settings = { ...privateKey, WALG_PGP_KEY_PASSPHRASE: "barley" };
  const result = await site.push([], { settings });
  expect(result.stderr).toContain("PGP_KEY_PASSPHRASE does not open private key");
  expect(result.exitCode).toBe(10);
  await site.waitUntilIdle();
});
