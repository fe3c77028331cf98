// Proves that a full backup, a delta and WAL go through each storage and back, with each cipher and
// without, by the compiled binary, real servers and PostgreSQL 17: every row is there again. And of
// each storage: parts of more than one request, races of two pushers, failures of every kind.
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BackupSite, type Environment } from "../support/backup-site.ts";
import { goldenSegment } from "../support/golden-wal.ts";
import { type KmsServer, startKmsServer } from "../support/kms-server.ts";
import { makeOpenPgpKey } from "../support/openpgp-key.ts";
import { binaryPath, giveToServers, makeScratch } from "../support/scratch.ts";
import {
  STORAGES,
  STORAGES_HOOK_TIMEOUT_MS,
  type StorageName,
  type StorageService,
  startStorages,
} from "../support/storage-services.ts";
import { otherHistory, WalArchive } from "../support/wal-archive.ts";

const scratch = makeScratch("storages-and-ciphers");
const at = (name: string) => join(scratch.path, name);
const golden = goldenSegment(17, "middle");
const next = goldenSegment(17, "switched");
let storages: Readonly<Record<StorageName, StorageService>>;
let kms: KmsServer;
let site: BackupSite;

/** Settings that write, and those that read besides: a server may have the public key only. */
const CIPHERS: Readonly<Record<string, () => { write: Environment; read: Environment }>> = {
  none: () => ({ write: {}, read: {} }),
  libsodium: () => ({
    write: { WALG_LIBSODIUM_KEY: "5e".repeat(32), WALG_LIBSODIUM_KEY_TRANSFORM: "hex" },
    read: {},
  }),
  OpenPGP: () => ({
    write: { WALG_PGP_KEY_PATH: at("public.asc") },
    read: { WALG_PGP_KEY_PATH: at("private.asc"), WALG_PGP_KEY_PASSPHRASE: "open-sesame" },
  }),
  "AWS KMS": () => ({ write: kms.settings, read: {} }),
};

beforeAll(async () => {
  const keys = await makeOpenPgpKey({ passphrase: "open-sesame" });
  for (const name of ["public", "private"] as const) {
    writeFileSync(at(`${name}.asc`), keys[name]);
    giveToServers(at(`${name}.asc`));
  }
  // The server's archiver stores in one repository after the other.
  const settings = at("archive.env");
  const lines = [
    "#!/bin/sh",
    `test -e ${settings} || exit 0`,
    `. ${settings}`,
    `exec ${binaryPath()} wal-push "$1"`,
  ];
  writeFileSync(at("archive.sh"), `${lines.join("\n")}\n`);
  chmodSync(at("archive.sh"), 0o755);
  [storages, kms, site] = await Promise.all([
    startStorages(),
    startKmsServer(),
    BackupSite.create({
      version: "17",
      rows: 5000,
      repository: {},
      archiveCommand: `${at("archive.sh")} %p`,
    }),
  ]);
}, STORAGES_HOOK_TIMEOUT_MS);
afterAll(async () => {
  await site?.[Symbol.asyncDispose]();
  await kms?.stop();
  for (const storage of Object.values(storages ?? {})) await storage.stop();
  scratch[Symbol.dispose]();
});

function over(settings: Environment) {
  return { settings: { WALG_FILE_PREFIX: "", ...settings } };
}

function makeArchive(): WalArchive {
  const archive = new WalArchive("storages");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  archive.ready(next.name, next.bytes);
  return archive;
}

function archiveTo(environment: Environment): void {
  const lines = Object.entries(environment).map(([name, value]) => `export ${name}='${value}'\n`);
  writeFileSync(at("archive.env"), lines.join(""));
}

const COMBINATIONS = STORAGES.flatMap((storage) =>
  Object.keys(CIPHERS).map((cipher) => [storage, cipher] as const),
);

let turn: Promise<unknown> = Promise.resolve();

/** One at a time: the server has one archiver, and its rows are those of one backup. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = turn.then(work);
  // A failure is its own test's to tell, and the next one goes on.
  turn = result.catch(() => {});
  return result;
}

test.concurrent.each(COMBINATIONS)(
  "%s, %s: a full backup, a delta and WAL",
  async (storage, cipher) => {
    const { write, read } = CIPHERS[cipher]?.() ?? { write: {}, read: {} };
    const repository = storages[storage].repository(`with-${cipher.replace(" ", "-")}`);
    const settings = { ...write, ...repository, WALG_DELTA_MAX_STEPS: "3" };
    const { full, delta, rows } = await inTurn(async () => {
      archiveTo(settings);
      const first = await site.mustPush([], { settings });
      await site.cluster.changeBench(100);
      const second = await site.mustPush([], { settings });
      await site.cluster.changeBench(100);
      await site.archiveAll();
      return { full: first.name, delta: second.name, rows: await site.digest() };
    });
    expect(delta.endsWith(`_D_${full.slice("base_".length)}`)).toBe(true);
    await using restored = await site.restore(delta, { settings: { ...settings, ...read } });
    expect(await site.digest(restored)).toBe(rows);
    if (cipher === "none") return;
    const target = at(`${storage}-${cipher}`);
    const keyless = await site.run(["backup-fetch", target, full], { settings: repository });
    expect(keyless.exitCode).toBeGreaterThan(0);
  },
);

test.concurrent.each(STORAGES)("%s: a stream in parts, with the least budget", async (storage) => {
  const settings = {
    ...storages[storage].repository("stream"),
    WALG_COMPRESSION_METHOD: "none",
    WALG_TAR_SIZE_THRESHOLD: "20000000",
    WALG_UPLOAD_DISK_CONCURRENCY: "4",
    TIDEMARK_BUFFER_BUDGET: "16777216",
  };
  const { name, rows } = await inTurn(async () => {
    archiveTo(settings);
    const pushed = await site.underLoad(() => site.mustPush([], { settings, directory: null }));
    await site.archiveAll();
    return { name: pushed.name, rows: await site.digest() };
  });
  const listed = await site.run(["backup-list"], { settings });
  expect(listed.stdout).toContain(name);
  await using restored = await site.restore(name, { settings });
  expect(await site.digest(restored)).toBe(rows);
});

test.each(STORAGES)(
  "%s: a bucket that is not there is told before the server is asked",
  async (storage) => {
    const result = await site.push([], { settings: storages[storage].absent });
    expect(result.exitCode).toBeGreaterThan(0);
    expect(await site.backupSessions()).toBe(0);
  },
);

test.each(STORAGES)("%s: WAL comes back, and nothing else is there", async (storage) => {
  const run = over(storages[storage].repository("wal"));
  using archive = makeArchive();
  expect(await archive.push(golden.name, run)).toMatchObject({ exitCode: 0 });
  const again = await archive.push(golden.name, run);
  expect(again.stderr).toContain("already archived with equal content");
  expect(await archive.push(next.name, run)).toMatchObject({ exitCode: 0 });
  for (const segment of [golden, next]) {
    expect((await archive.fetch(segment.name, run)).exitCode).toBe(0);
    expect(archive.takeFetched()?.equals(segment.bytes)).toBe(true);
  }
  expect((await archive.fetch("00000002.history", run)).exitCode).toBe(74);
  expect((await archive.fetch("000000010000000000000005", run)).exitCode).toBe(43);
});

test.each(STORAGES)("%s: of two pushers one wins, and the other is told", async (storage) => {
  using one = makeArchive();
  using other = makeArchive();
  other.ready(golden.name, otherHistory(golden).bytes);
  const run = over({ ...storages[storage].repository("race"), TOTAL_BG_UPLOADED_LIMIT: "1" });
  const results = await Promise.all([one.push(golden.name, run), other.push(golden.name, run)]);
  expect(results.map(({ exitCode }) => exitCode).sort()).toEqual([0, 23]);
  const winner = results[0]?.exitCode === 0 ? golden : otherHistory(golden);
  expect((await one.fetch(golden.name, run)).exitCode).toBe(0);
  expect(one.takeFetched()?.equals(winner.bytes)).toBe(true);
});

test.each(STORAGES)("%s: failures are none of absence, and fatal in recovery", async (storage) => {
  const { absent, gone, refused } = storages[storage];
  for (const [settings, exitCode] of [
    // A folder that is not there is a wrong setting; a bucket may come.
    [absent, storage === "file" ? 10 : 20],
    [gone, 20],
    [refused, 21],
  ] as const) {
    if (settings === undefined) continue;
    using archive = makeArchive();
    const run = over(settings);
    expect((await archive.push(golden.name, run)).exitCode).toBe(exitCode);
    expect((await archive.fetch(golden.name, run)).exitCode).toBe(exitCode);
    archive.write("recovery.signal", "");
    expect((await archive.fetch(golden.name, run)).exitCode).toBe(200);
    expect(archive.takeFetched()).toBeUndefined();
  }
});
