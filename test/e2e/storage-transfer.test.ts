// Proves st copy and st transfer with the compiled binary between directories and MinIO, on a
// repository of WAL-G: words, outputs and exit codes as WAL-G's, contents byte for byte, a restore
// from where the backups went; kill -9 at seeded moments leaves only whole backups listed anywhere,
// and the same call completes the move.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listDirectory } from "../support/directory-listing.ts";
import { copyFixture, expectedFiles, type Fixture } from "../support/fixture.ts";
import { createBucket, MINIO_HOOK_TIMEOUT_MS, type Minio, startMinio } from "../support/minio.ts";
import { seededRandom } from "../support/random.ts";
import { runBinary, startBinary } from "../support/run-binary.ts";
import { makeScratch, type ScratchDir } from "../support/scratch.ts";

const MOMENTS = Number(process.env["CRASH_MOMENTS"] ?? 3);
const SEED = Number(process.env["CRASH_SEED"] ?? 20_261_124);
const SENTINEL = "_backup_stop_sentinel.json";
const TEMPORARY = /\.tmp\.\d{8}T\d{6}Z-[0-9a-f]{16}$/;

let minio: Minio;
let scratch: ScratchDir;

beforeAll(async () => {
  scratch = makeScratch("transfer");
  minio = await startMinio();
  await createBucket(minio, "far");
}, MINIO_HOOK_TIMEOUT_MS);
afterAll(async () => {
  await minio.stop();
  scratch[Symbol.dispose]();
});

interface Place {
  readonly fixture: Fixture;
  /** Of the failover storage. */
  readonly far: string;
  run(words: string): ReturnType<typeof runBinary>;
  start(words: string): ReturnType<typeof startBinary>;
}

let count = 0;

/** A repository of WAL-G as the default storage, and an empty directory as the one named far. */
function place(settings: Readonly<Record<string, string>> = {}): Place {
  count += 1;
  const dir = join(scratch.path, `place-${count}`);
  const far = join(dir, "far");
  mkdirSync(far, { recursive: true });
  const fixture = copyFixture("pg17-zstd-delta", dir);
  const config = join(dir, "config.json");
  const document = {
    ...settings,
    WALG_FILE_PREFIX: fixture.repository,
    WALG_FAILOVER_STORAGES: { far: { WALG_FILE_PREFIX: far } },
  };
  writeFileSync(config, JSON.stringify(document));
  const words = (text: string) => ["--config", config, "st", ...text.split(" ")];
  return {
    fixture,
    far,
    run: (text) => runBinary(words(text), { name: "wal-g" }),
    start: (text) => startBinary(words(text), { name: "wal-g" }),
  };
}

function objectsOf(root: string): ReadonlyMap<string, string> {
  const objects = new Map<string, string>();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || TEMPORARY.test(path)) continue;
    objects.set(path.slice(root.length + 1), readFileSync(path).toString("base64"));
  }
  return objects;
}

function messages(stderr: string): string[] {
  const lines = stderr.trimEnd().split("\n");
  return lines.map((line) => line.replace(/^([A-Z]+: )[\d/]{10} [\d:.]+ /, "$1"));
}

describe("st transfer", () => {
  test("backups go with their chain and come back; a restore from there is the same", async () => {
    const { fixture, far, run } = place();
    const before = objectsOf(fixture.repository);
    const kept = new Map([...before].filter(([key]) => !key.startsWith("basebackups_005")));
    const moved = new Map([...before].filter(([key]) => key.startsWith("basebackups_005")));
    const result = await run("transfer backups --source=default --target=far");
    expect(result.exitCode, result.stderr).toBe(0);
    const lines = messages(result.stderr);
    expect(lines).toContain("INFO: Backups missing in the target storage: 2");
    expect(lines).toContain("INFO: Backups will be transferred: 2");
    expect(lines).toContain(`INFO: Files will be transferred: ${moved.size}`);
    expect(lines.at(-1)).toMatch(/^INFO: File is transferred \(0 left\): "basebackups_005\/base_/);
    expect(objectsOf(far)).toEqual(moved);
    expect(objectsOf(fixture.repository)).toEqual(kept);
    const newest = fixture.backups.at(-1)?.name ?? "";
    const restored = join(far, "../restored");
    const env = { ...fixture.settings, WALG_FILE_PREFIX: far };
    expect((await runBinary(["backup-fetch", restored, newest], { env })).exitCode).toBe(0);
    const withoutModes = (line: string) => line.split(" ").slice(0, 2).join(" ");
    expect(listDirectory(restored).map(withoutModes).sort()).toEqual(
      expectedFiles(fixture, newest).map(withoutModes).sort(),
    );
    expect((await run("transfer backups -s far -t default -c 1")).exitCode).toBe(0);
    expect(objectsOf(fixture.repository)).toEqual(before);
  });

  test("WAL and files move one by one, within limits, or are preserved", async () => {
    const { fixture, far, run } = place();
    const wal = [...objectsOf(fixture.repository).keys()].filter((key) => key.startsWith("wal_"));
    const some = await run("transfer pg-wals -s default -t far -m 2 --appearance-checks 0");
    expect(some.exitCode, some.stderr).toBe(0);
    expect(messages(some.stderr)).toContain("INFO: Files will be transferred: 2");
    expect(objectsOf(far).size).toBe(2);
    await run("transfer files wal_005/ -s default -t far --preserve");
    expect([...objectsOf(far).keys()].sort()).toEqual(wal.sort());
    const [first = ""] = wal;
    writeFileSync(join(fixture.repository, first), "another");
    const refused = await run(`transfer files ${first} -s far -t default -o`);
    expect(refused.exitCode, refused.stderr).toBe(0);
    expect(objectsOf(far).has(first)).toBe(false);
  });

  test("failures are counted, and the first is enough with --fail-fast", async () => {
    const { fixture, far, run } = place();
    const part = `basebackups_005/${fixture.backups[0]?.name}/tar_partitions`;
    const [name = ""] = readdirSync(join(fixture.repository, part));
    rmSync(join(fixture.repository, part, name));
    const result = await run("transfer backups -s default -t far");
    expect(result.exitCode).toBe(1);
    expect(messages(result.stderr)).toContain("ERROR: finished with 1 errors");
    const fast = await run("transfer backups -s default -t far --fail-fast");
    expect(fast.exitCode).toBe(1);
    expect(fast.stderr).not.toContain("finished with");
    expect(objectsOf(far).size).toBe(0);
  });

  test.each([
    ["transfer pg-wals", "invalid flags: source storage must be specified"],
    ["transfer pg-wals -s default", "invalid flags: source and target storages must be different"],
    [
      "transfer pg-wals -s all -t far",
      "invalid flags: an explicit source storage must be specified instead of 'all'",
    ],
    [
      "transfer pg-wals -s far -t all",
      "invalid flags: an explicit target storage must be specified instead of 'all'",
    ],
    [
      "transfer pg-wals -s far -c 0",
      "invalid flags: concurrency level must be >= 1 (which turns it off)",
    ],
    ["transfer pg-wals -s far -m x", 'invalid flags: --max-files "x" is not a count'],
    [
      "transfer pg-wals -s far --appearance-checks-interval x",
      'invalid flags: --appearance-checks-interval "x" is no duration',
    ],
    [
      "transfer pg-wals -s near",
      'storage with name "near" is not found, available storages: [default far]',
    ],
    ["transfer files -s far", "accepts 1 arg(s), received 0"],
  ])("refuses %j", async (words, message) => {
    const { far, run } = place();
    const result = await run(words);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain(message);
    expect(objectsOf(far).size).toBe(0);
  });

  test(`backups survive ${MOMENTS} kills (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const words = "transfer backups -s default -t far -o";
    let killed = 0;
    for (let moment = 0; moment < MOMENTS; moment++) {
      // Some 1.2 MB: most of a second.
      const { fixture, far, run, start } = place({ WALG_NETWORK_RATE_LIMIT: "1500000" });
      const before = objectsOf(fixture.repository);
      const running = start(words);
      await Bun.sleep(random.below(1000));
      running.kill("SIGKILL");
      if ((await running.exited) === 137) killed += 1;
      for (const root of [fixture.repository, far]) expectSound(root, before);
      const again = await run(`${words} --turbo`);
      expect(again.exitCode, again.stderr).toBe(0);
      const there = objectsOf(far);
      for (const [key, content] of before) {
        if (key.startsWith("basebackups_005")) expect(there.get(key), key).toBe(content);
      }
      const left = [...objectsOf(fixture.repository).keys()];
      expect(left.filter((key) => key.endsWith(SENTINEL))).toEqual([]);
    }
    expect(killed).toBeGreaterThan(MOMENTS / 3);
  });
});

function expectSound(root: string, whole: ReadonlyMap<string, string>): void {
  const there = objectsOf(root);
  const names = [...there.keys()]
    .filter((key) => key.endsWith(SENTINEL))
    .map((key) => key.slice("basebackups_005/".length, -SENTINEL.length));
  for (const name of names) {
    for (const [key, content] of whole) {
      if (key.startsWith(`basebackups_005/${name}/`)) expect(there.get(key), key).toBe(content);
    }
    const parent = /_D_([0-9A-F]{24})$/.exec(name)?.[1];
    if (parent !== undefined) expect(names).toContain(`base_${parent}`);
  }
}

describe("st copy", () => {
  const KEY = { WALG_LIBSODIUM_KEY: "3c".repeat(32), WALG_LIBSODIUM_KEY_TRANSFORM: "hex" };

  function config(name: string, settings: Readonly<Record<string, string>>): string {
    const path = join(scratch.path, `${name}.json`);
    writeFileSync(path, JSON.stringify(settings));
    return path;
  }

  test("copies what begins with a prefix to S3 and back, sentinels last", async () => {
    const { fixture } = place();
    const from = config("near", { WALG_FILE_PREFIX: fixture.repository });
    const bucket = config("bucket", {
      WALG_S3_PREFIX: "s3://far/plain",
      AWS_ENDPOINT: minio.endpoint,
      AWS_ACCESS_KEY_ID: minio.accessKey,
      AWS_SECRET_ACCESS_KEY: minio.secretKey,
      AWS_S3_FORCE_PATH_STYLE: "true",
      AWS_REGION: "us-east-1",
    });
    const back = join(scratch.path, "back");
    mkdirSync(back);
    const to = config("back", { WALG_FILE_PREFIX: back });
    const copy = (one: string, other: string, ...args: string[]) =>
      runBinary(["st", "copy", "--from", one, "--to", other, ...args], { name: "wal-g" });
    const before = objectsOf(fixture.repository);
    expect((await copy(from, bucket)).stderr).toContain(
      `Successfully copied ${before.size} objects`,
    );
    const result = await copy(bucket, to, "-p", "basebackups_005/");
    expect(result.exitCode, result.stderr).toBe(0);
    expect(objectsOf(back)).toEqual(
      new Map([...before].filter(([key]) => key.startsWith("basebackups_005/"))),
    );
    const [key = ""] = objectsOf(back).keys();
    writeFileSync(join(back, key), "another");
    expect((await copy(bucket, to)).exitCode).toBe(1);
    expect((await copy(bucket, to, "--overwrite")).exitCode).toBe(0);
    expect(objectsOf(back)).toEqual(before);
  });

  test("takes the encryption off and puts one on", async () => {
    const { fixture } = place();
    const near = { WALG_FILE_PREFIX: fixture.repository };
    const coded = join(scratch.path, "coded");
    const plain = join(scratch.path, "plain");
    for (const root of [coded, plain]) mkdirSync(root);
    const secret = config("coded", { ...KEY, WALG_FILE_PREFIX: coded });
    const bare = config("plain", { WALG_FILE_PREFIX: plain });
    const copy = (one: string, other: string, flag: string) =>
      runBinary(["st", "copy", "--from", one, "--to", other, "-p", "wal_005/", flag]);
    expect((await copy(config("near", near), secret, "-e")).exitCode).toBe(0);
    const wal = [...objectsOf(fixture.repository)].filter(([key]) => key.startsWith("wal_005/"));
    for (const [key, content] of wal) {
      expect(objectsOf(coded).get(key)).not.toBe(content);
    }
    expect((await copy(secret, bare, "-d")).exitCode).toBe(0);
    expect(objectsOf(plain)).toEqual(new Map(wal));
  });
});
