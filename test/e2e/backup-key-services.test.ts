// Proves the ciphers of key services and the change of a libsodium key with the compiled binary:
// a backup and WAL go in and come back; keys that nobody has are told before anything is stored.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { KMS_HOOK_TIMEOUT_MS, type KmsServer, startKmsServer } from "../support/kms-server.ts";
import { makeOpenPgpKey } from "../support/openpgp-key.ts";
import { giveToServers, makeScratch } from "../support/scratch.ts";
import { startYandexService, type YandexService } from "../support/yandex-service.ts";

const scratch = makeScratch("key-services");
const configPath = join(scratch.path, "config.json");
let kms: KmsServer;
let yandex: YandexService;
let site: BackupSite;

beforeAll(async () => {
  kms = await startKmsServer();
  yandex = await startYandexService();
  configure("plain", {});
  site = await BackupSite.create({
    version: "17",
    rows: 5000,
    repository: { TIDEMARK_CONFIG_PATH: configPath },
  });
}, KMS_HOOK_TIMEOUT_MS);
afterAll(async () => {
  await site?.[Symbol.asyncDispose]();
  await kms?.stop();
  await yandex?.stop();
  scratch[Symbol.dispose]();
});

/** What every command reads from now on, archive_command among them. */
function configure(name: string, settings: Readonly<Record<string, string>>): string {
  const prefix = join(scratch.path, name);
  if (!existsSync(prefix)) mkdirSync(prefix);
  const text = JSON.stringify({ WALG_FILE_PREFIX: prefix, WALG_DELTA_MAX_STEPS: "3", ...settings });
  writeFileSync(configPath, text);
  for (const path of [prefix, configPath]) giveToServers(path);
  return prefix;
}

async function envelope(): Promise<Readonly<Record<string, string>>> {
  const keyId = yandex.keyIds[1] ?? "";
  const encrypted = await yandex.encrypt(keyId, (await makeOpenPgpKey()).private);
  return {
    WALG_ENVELOPE_PGP_KEY: Buffer.from(encrypted).toString("base64"),
    WALG_ENVELOPE_PGP_YC_CSE_KMS_KEY_ID: keyId,
    WALG_ENVELOPE_PGP_YC_SERVICE_ACCOUNT_KEY_FILE: yandex.accountFile,
    WALG_ENVELOPE_PGP_YC_ENDPOINT: yandex.endpoint,
    AWS_CA_BUNDLE: yandex.authorityFile,
  };
}

test.each([
  ["aws-kms", async () => kms.settings],
  ["yandex-kms", async () => yandex.settings],
  ["enveloped-openpgp", envelope],
])("%s: a full backup and WAL come back", async (name, settingsOf) => {
  const settings = await settingsOf();
  const prefix = configure(name, settings);
  const pushed = await site.underLoad(() =>
    site.mustPush([], { settings: { TIDEMARK_LOG_LEVEL: "DEVEL" } }),
  );
  await site.archiveAll();
  const secret = settings["AWS_SECRET_ACCESS_KEY"] ?? settings["WALG_ENVELOPE_PGP_KEY"];
  if (secret !== undefined) expect(pushed.log).not.toContain(secret);
  const folder = join(prefix, "basebackups_005", pushed.name, "tar_partitions");
  const part = readFileSync(join(folder, "part_001.tar.zst"));
  const head = { "yandex-kms": "yckms\x01", "enveloped-openpgp": "envelope-yc-kms\x01" }[name];
  if (head !== undefined) expect(part.subarray(0, head.length).toString("latin1")).toBe(head);
  else expect(part.subarray(184, 186).toString("hex")).toBe("2000");
  await using restored = await site.restore(pushed.name);
  expect(await site.digest(restored)).toBe(await site.digest());
});

test("libsodium: a chain and WAL of two keys come back with both of them", async () => {
  const old = { WALG_LIBSODIUM_KEY: "the key of last year, long enough" };
  configure("libsodium", old);
  await site.mustPush();
  await site.cluster.changeBench(300);
  await site.archiveAll();
  const oldPath = join(scratch.path, "old.key");
  writeFileSync(oldPath, `${old.WALG_LIBSODIUM_KEY}\n`);
  giveToServers(oldPath);
  const own = {
    WALG_LIBSODIUM_KEY: Buffer.alloc(32, 7).toString("base64"),
    WALG_LIBSODIUM_KEY_TRANSFORM: "base64",
  };
  configure("libsodium", { ...own, TIDEMARK_LIBSODIUM_OLD_KEY_PATHS: `none:${oldPath}` });
  const delta = await site.underLoad(() => site.mustPush());
  expect(delta.name).toContain("_D_");
  await site.archiveAll();
  await using restored = await site.restore(delta.name);
  expect(await site.digest(restored)).toBe(await site.digest());
  configure("libsodium", own);
  const target = join(scratch.path, "without-the-old-key");
  const result = await site.run(["backup-fetch", target, delta.name]);
  expect(result.stderr).toContain("does not open it");
  expect(result.exitCode).toBe(31);
  expect(existsSync(target)).toBe(false);
});

test("a key that the service does not have is told before anything is stored", async () => {
  const prefix = configure("nothing", { ...kms.settings, WALG_CSE_KMS_ID: "alias/nobody" });
  for (const args of [
    ["backup-push", site.cluster.dataDir],
    ["catchup-push", site.cluster.dataDir, "--from-lsn", "1000"],
  ]) {
    const result = await site.run(args);
    expect(result.stderr).toContain("AWS KMS key alias/nobody in eu-central-1: NotFoundException");
    expect(result.exitCode).toBe(20);
  }
  await site.waitUntilIdle();
  expect(existsSync(join(prefix, "basebackups_005"))).toBe(false);
});
