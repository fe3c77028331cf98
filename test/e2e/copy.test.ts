// Proves copy with the compiled binary: an encrypted chain of PostgreSQL 17 goes from a directory
// to MinIO, to an SSH server and back into a directory, where it is byte for byte what it was and
// a server recovers from it; so do WAL-G's repositories. kill -9 at seeded moments never leaves
// half a backup listed, and the same call completes it; damage is noticed and commits nothing.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BackupSite, type Environment } from "../support/backup-site.ts";
import { listDirectory } from "../support/directory-listing.ts";
import { copyFixture, expectedFiles, fixtureNames, readFixture } from "../support/fixture.ts";
import { createBucket, MINIO_HOOK_TIMEOUT_MS, type Minio, startMinio } from "../support/minio.ts";
import { seededRandom } from "../support/random.ts";
import { type BinaryOptions, runBinary, startBinary } from "../support/run-binary.ts";
import { giveToServers, makeScratch, type ScratchDir } from "../support/scratch.ts";
import { type SftpServer, sftpSettings, startSftpServer } from "../support/sftp-server.ts";

const MOMENTS = Number(process.env["CRASH_MOMENTS"] ?? 4);
const SEED = Number(process.env["CRASH_SEED"] ?? 20_261_124);
const KEY = { WALG_LIBSODIUM_KEY: "5b".repeat(32), WALG_LIBSODIUM_KEY_TRANSFORM: "hex" };
const SENTINEL = /^basebackups_005\/([^/]+)_backup_stop_sentinel\.json$/;
const TEMPORARY = /\.tmp\.\d{8}T\d{6}Z-[0-9a-f]{16}$/;

let scratch: ScratchDir;
let minio: Minio;
let sftp: SftpServer;
let site: BackupSite;
let backups: readonly string[] = [];

beforeAll(async () => {
  scratch = makeScratch("copy");
  minio = await startMinio();
  await createBucket(minio, "copies");
  sftp = await startSftpServer();
  site = await BackupSite.create({ version: "17", rows: 20_000, env: KEY });
  const settings = { ...KEY, WALG_DELTA_MAX_STEPS: "5", WALG_TAR_SIZE_THRESHOLD: "4000000" };
  const names: string[] = [];
  for (let step = 0; step < 3; step++) {
    names.push((await site.mustPush([], { settings })).name);
    await site.cluster.changeBench(200);
  }
  await site.archiveAll();
  backups = names;
}, MINIO_HOOK_TIMEOUT_MS);
afterAll(async () => {
  await site?.[Symbol.asyncDispose]();
  await sftp?.[Symbol.asyncDispose]();
  await minio?.stop();
  scratch[Symbol.dispose]();
});

let configCount = 0;

/** Path of a configuration file that the servers' account can read. */
function config(settings: Environment): string {
  configCount += 1;
  const path = join(scratch.path, `config-${configCount}.json`);
  writeFileSync(path, JSON.stringify(settings));
  return path;
}

function folder(name: string): string {
  const path = join(scratch.path, name);
  mkdirSync(path);
  giveToServers(path);
  return path;
}

function copy(from: string, to: string, args: readonly string[], options: BinaryOptions = {}) {
  return runBinary(["copy", "--from", from, "--to", to, ...args], { isServer: true, ...options });
}

/** SHA-256 of each object of a repository of files. */
function objectsOf(root: string): ReadonlyMap<string, string> {
  const objects = new Map<string, string>();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || TEMPORARY.test(path)) continue;
    const hash = new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
    objects.set(path.slice(root.length + 1), hash);
  }
  return objects;
}

/** Every object there is one of the source, unchanged; listed backups are there whole. */
function expectSound(source: string, target: string): readonly string[] {
  const [from, to] = [objectsOf(source), objectsOf(target)];
  for (const [key, hash] of to) expect(from.get(key), key).toBe(hash);
  const listed = [...to.keys()].flatMap((key) => SENTINEL.exec(key)?.[1] ?? []);
  for (const name of listed) {
    const own = [...from.keys()].filter((key) => key.startsWith(`basebackups_005/${name}/`));
    for (const key of own) expect(to.has(key), key).toBe(true);
    const segment = name.slice("base_".length, "base_".length + 24);
    expect([...to.keys()].some((key) => key.startsWith(`wal_005/${segment}`))).toBe(true);
  }
  return listed;
}

test("a chain goes through three storages and back, and a server recovers from it", async () => {
  const back = folder("back");
  const stations = [
    { ...KEY, WALG_FILE_PREFIX: site.repoDir },
    {
      ...KEY,
      WALG_S3_PREFIX: "s3://copies/chain",
      AWS_ENDPOINT: minio.endpoint,
      AWS_ACCESS_KEY_ID: minio.accessKey,
      AWS_SECRET_ACCESS_KEY: minio.secretKey,
      AWS_S3_FORCE_PATH_STYLE: "true",
      AWS_REGION: "us-east-1",
    },
    {
      ...KEY,
      ...Object.fromEntries(
        Object.entries(sftpSettings(sftp)).map(([key, value]) => [`TIDEMARK_${key}`, value]),
      ),
    },
    { ...KEY, WALG_FILE_PREFIX: back },
  ].map(config);
  for (const [index, to] of stations.entries()) {
    const from = stations[index - 1];
    if (from === undefined) continue;
    const result = await copy(from, to, ["-b", backups[2] ?? "", "-w"]);
    expect(result.stderr).toContain("Success copy.");
    expect(result.exitCode).toBe(0);
    expect(result.stderr).not.toContain(minio.secretKey);
    const again = await copy(from, to, ["-b", backups[2] ?? "", "-w"]);
    expect(again.stderr).toMatch(/ 0 objects copied, 0 replaced, \d+ were there already/);
  }
  expect([...expectSound(site.repoDir, back)].sort()).toEqual([...backups].sort());
  const settings = { ...KEY, WALG_FILE_PREFIX: back };
  const listed = await site.run(["backup-list", "--json"], { settings });
  expect(JSON.parse(listed.stdout)).toMatchObject(backups.map((name) => ({ backup_name: name })));
  await using restored = await site.restore("LATEST", { settings });
  expect(await site.digest(restored)).toBe(await site.digest());
});

describe("a repository of WAL-G", () => {
  const names = fixtureNames().filter((name) => {
    return existsSync(join(readFixture(name).source, "repo/basebackups_005"));
  });
  test.each(names)("%s", async (name) => {
    using own = makeScratch("copy-fixture");
    const fixture = copyFixture(name, own.path);
    const target = join(own.path, "copied");
    mkdirSync(target);
    giveToServers(target);
    const { settings, repository } = fixture;
    const from = config({ ...settings, WALG_FILE_PREFIX: repository });
    const to = config({ ...settings, WALG_FILE_PREFIX: target });
    const result = await copy(from, to, ["--with-history"], { name: "wal-g" });
    expect(result.stderr).toContain("Success copy.");
    expect([...expectSound(repository, target)].sort()).toEqual(
      fixture.backups.map((backup) => backup.name).sort(),
    );
    const newest = fixture.backups.at(-1)?.name ?? "";
    const expected = expectedFiles(fixture, newest);
    // Tablespaces lie elsewhere: the bytes of the objects are proof enough.
    if (name === "pg15-tablespaces") return;
    const restored = join(own.path, "data");
    const environment = { ...settings, WALG_FILE_PREFIX: target };
    const fetched = await runBinary(["backup-fetch", restored, newest], {
      isServer: true,
      env: environment,
    });
    expect(fetched.stderr).toContain("Backup extraction complete.");
    expect([...listDirectory(restored)].sort()).toEqual([...expected].sort());
  });
});

test(`survives ${MOMENTS} kills (seed ${SEED})`, async () => {
  const random = seededRandom(SEED);
  const sizeBytes = [...readdirSync(site.repoDir, { recursive: true, withFileTypes: true })]
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => {
      return sum + readFileSync(join(entry.parentPath, entry.name)).byteLength;
    }, 0);
  const source = { ...KEY, WALG_FILE_PREFIX: site.repoDir };
  // So slow that a kill meets it in its middle.
  const from = config({ ...source, WALG_NETWORK_RATE_LIMIT: String(Math.ceil(sizeBytes / 0.8)) });
  const whole = folder("whole");
  const startMs = performance.now();
  await copy(from, config({ WALG_FILE_PREFIX: whole }), ["-w"]);
  const spanMs = performance.now() - startMs;
  const all = objectsOf(whole);
  let killed = 0;
  for (let moment = 0; moment < MOMENTS; moment++) {
    const target = folder(`killed-${moment}`);
    const to = config({ WALG_FILE_PREFIX: target });
    const words = ["copy", "--from", from, "--to", to, "-w"];
    const running = startBinary(words, { isServer: true });
    await Bun.sleep((random.below(10_000) / 10_000) * spanMs);
    running.kill("SIGKILL");
    if ((await running.exited) === 137) killed += 1;
    expectSound(site.repoDir, target);
    const again = await copy(config(source), to, ["-w"]);
    expect(again.exitCode, again.stderr).toBe(0);
    expect(objectsOf(target)).toEqual(all);
  }
  expect(killed).toBeGreaterThan(MOMENTS / 3);
});

test("SIGTERM ends it with 143 and leaves no half object", async () => {
  const target = folder("terminated");
  const from = config({
    ...KEY,
    WALG_FILE_PREFIX: site.repoDir,
    WALG_NETWORK_RATE_LIMIT: "200000",
  });
  const words = ["copy", "--from", from, "--to", config({ WALG_FILE_PREFIX: target })];
  const running = startBinary(words, { isServer: true });
  await Bun.sleep(700);
  running.kill("SIGTERM");
  expect(await running.exited).toBe(143);
  expect(expectSound(site.repoDir, target)).toEqual([]);
  const names = readdirSync(target, { recursive: true }).map(String);
  expect(names.filter((name) => TEMPORARY.test(name))).toEqual([]);
});

test("damage of the source is noticed, a stranger in the target stays", async () => {
  const damaged = folder("damaged");
  const from = config({ ...KEY, WALG_FILE_PREFIX: damaged });
  expect((await copy(config({ ...KEY, WALG_FILE_PREFIX: site.repoDir }), from, [])).exitCode).toBe(
    0,
  );
  const part = `basebackups_005/${backups[0]}/tar_partitions/`;
  const name = readdirSync(join(damaged, part)).find((one) => one.startsWith("part_001")) ?? "";
  const bytes = readFileSync(join(damaged, part, name));
  const target = folder("empty");
  const to = config({ WALG_FILE_PREFIX: target });
  for (const change of [
    () => truncateSync(join(damaged, part, name), bytes.byteLength - 1),
    () => writeFileSync(join(damaged, part, name), Buffer.from(bytes).fill(1, 100, 101)),
  ]) {
    change();
    const result = await copy(from, to, []);
    expect(result.exitCode, result.stderr).toBe(30);
    expect(result.stderr).toContain(`${part}${name}`);
    expect(expectSound(site.repoDir, target)).toEqual([]);
    expect((await copy(from, to, [], { name: "wal-g" })).exitCode).toBe(1);
  }
  const stranger = folder("stranger");
  mkdirSync(join(stranger, part), { recursive: true });
  writeFileSync(join(stranger, part, name), "another");
  const good = config({ ...KEY, WALG_FILE_PREFIX: site.repoDir });
  const strange = config({ WALG_FILE_PREFIX: stranger });
  giveToServers(join(stranger, part));
  const refused = await copy(good, strange, []);
  expect(refused.exitCode, refused.stderr).toBe(23);
  expect(refused.stderr).toContain(`${part}${name}: has 7 bytes`);
  expect([...objectsOf(stranger).keys()]).toEqual([`${part}${name}`]);
});

test("a missing key, one storage twice, and files that are no configuration are told", async () => {
  const file = config({ WALG_FILE_PREFIX: site.repoDir });
  const target = config({ WALG_FILE_PREFIX: folder("unused") });
  const cases: readonly (readonly [string, string, number, string])[] = [
    [file, target, 31, "is encrypted, and no encryption is configured"],
    [file, file, 2, "--from and --to both mean"],
    [file, "/no/such.json", 10, "/no/such.json"],
    [file, config({}), 10, "no storage is configured"],
  ];
  for (const [from, to, exitCode, message] of cases) {
    const result = await copy(from, to, []);
    expect(result.stderr).toContain(message);
    expect(result.exitCode).toBe(exitCode);
  }
  const missing = await runBinary(["copy", "--from", file], { name: "wal-g" });
  expect(missing.stderr).toContain('required flag(s) "to" not set');
  expect(missing.exitCode).toBe(1);
});
