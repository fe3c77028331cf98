// Proves st with the compiled binary on a directory and on MinIO: the same words give WAL-G's
// outputs, exit codes and messages, bytes go there and back, and an interruption leaves nothing.
import { existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createBucket, MINIO_HOOK_TIMEOUT_MS, type Minio, startMinio } from "../support/minio.ts";
import { peakBytesOf } from "../support/process-tree.ts";
import { type BinaryOptions, binaryCommand, runBinary } from "../support/run-binary.ts";
import { makeScratch, type ScratchDir } from "../support/scratch.ts";

const KEY = { WALG_LIBSODIUM_KEY: "7d".repeat(32), WALG_LIBSODIUM_KEY_TRANSFORM: "hex" };
const ZERO = "0001-01-01 00:00:00 +0000 UTC";
let scratch: ScratchDir;
let minio: Minio;

beforeAll(async () => {
  scratch = makeScratch("storage-tools");
  minio = await startMinio();
  await createBucket(minio, "tools");
}, MINIO_HOOK_TIMEOUT_MS);
afterAll(async () => {
  await minio.stop();
  scratch[Symbol.dispose]();
});

/** An empty storage of its own; lz4, as WAL-G does by default. */
function environmentOf(kind: "file" | "s3", name: string): Record<string, string> {
  const common = { TZ: "Europe/Paris", WALG_COMPRESSION_METHOD: "lz4" };
  if (kind === "file") {
    const path = join(scratch.path, name);
    mkdirSync(path);
    return { ...common, WALG_FILE_PREFIX: path };
  }
  return {
    ...common,
    WALG_S3_PREFIX: `s3://tools/${name}`,
    AWS_ENDPOINT: minio.endpoint,
    AWS_ACCESS_KEY_ID: minio.accessKey,
    AWS_SECRET_ACCESS_KEY: minio.secretKey,
    AWS_S3_FORCE_PATH_STYLE: "true",
    AWS_REGION: "us-east-1",
  };
}

function tool(env: Record<string, string>, words: string, options: BinaryOptions = {}) {
  return runBinary(["st", ...words.split(" ")], { name: "wal-g", env, ...options });
}

/** The lines of the log without their times. */
function messages(stderr: string): string[] {
  const lines = stderr.trimEnd().split("\n");
  return lines.map((line) => line.replace(/^([A-Z]+: )[\d/]{10} [\d:.]+ /, "$1"));
}

/** What the table says of an object's time: a directory tells it in local time, S3 in UTC. */
const TIME = {
  file: String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})? \+0[12]00 CES?T`,
  s3: String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,3})? \+0000 UTC`,
};

describe.each(["file", "s3"] as const)("on %s", (kind) => {
  test("objects go there, are listed, shown and opened, and are removed", async () => {
    const env = environmentOf(kind, "round");
    const source = join(scratch.path, `${kind}-source`);
    writeFileSync(source, "some text\n".repeat(1000));
    const empty = await tool(env, "ls");
    expect(empty).toMatchObject({ exitCode: 0, stdout: "type size last modified name\n" });
    const put = [
      await tool(env, `put ${source} docs/deep/a`),
      await tool(env, "put --read-stdin --no-compress top", { stdin: "from stdin" }),
    ];
    expect(put.map(({ exitCode, stdout }) => [exitCode, stdout])).toEqual([
      [0, ""],
      [0, ""],
    ]);

    const listed = (await tool(env, "ls -r")).stdout;
    const time = new RegExp(String.raw`^obj {2}\d+ +(${TIME[kind]}) +docs/deep/a\.lz4 {2}$`, "m");
    expect(listed).toMatch(time);
    const sizes = [...listed.matchAll(/^obj +(\d+)/gm)].map(([, size]) => Number(size));
    expect(sizes[1]).toBe("from stdin".length);
    const rows = listed.trimEnd().split("\n").slice(1);
    expect(rows.map((row) => row.trim().split(/ +/).at(-1))).toEqual(["docs/deep/a.lz4", "top"]);
    const root = (await tool(env, "ls")).stdout.split("\n");
    expect(root[1]).toMatch(new RegExp(`^dir {2}0 {4}${ZERO.replace("+", "\\+")} +docs/ {2}$`));
    expect(root[2]).toMatch(new RegExp(`^obj {2}10 {3}${TIME[kind]} +top {4}$`));
    const globbed = (await tool(env, "ls --glob d*/*")).stdout;
    expect(globbed).toMatch(/^docs\/deep:\ntype size last modified +name\nobj .* a\.lz4 {2}\n\n$/);
    const stat = (await tool(env, "stat docs/deep/a.lz4")).stdout;
    expect(stat).toMatch(new RegExp(`^type .*name\nobj {2}${sizes[0]} +${TIME[kind]} docs/deep/a`));

    expect((await tool(env, "cat top")).stdout).toBe("from stdin");
    const plain = await tool(env, "cat docs/deep/a.lz4 --decompress");
    expect(plain.stdout).toBe(readFileSync(source, "utf8"));
    expect((await tool(env, `get docs/deep/a.lz4 ${scratch.path}/${kind}-a`)).exitCode).toBe(0);
    const fetched = readFileSync(`${scratch.path}/${kind}-a`, "utf8");
    expect(fetched).toBe(readFileSync(source, "utf8"));
    expect(statSync(`${scratch.path}/${kind}-a`).mode & 0o777).toBe(0o640);

    const removed = await tool(env, "rm docs");
    expect(messages(removed.stderr)).toEqual(["INFO: removed 1 object"]);
    expect((await tool(env, "ls -r")).stdout.trim().split("\n").length).toBe(2);
  });

  test("encrypted objects are opened only with the key", async () => {
    const plainEnv = environmentOf(kind, "encrypted");
    const env = { ...plainEnv, ...KEY };
    await tool(env, "put -s x", { stdin: "secret text" });
    expect((await tool(env, "cat --decrypt --decompress x.lz4")).stdout).toBe("secret text");
    expect((await tool(plainEnv, "cat x.lz4")).stdout).not.toContain("secret");
    const wrong = { ...env, WALG_LIBSODIUM_KEY: "00".repeat(32) };
    const target = join(scratch.path, `${kind}-wrong`);
    const refused = await tool(wrong, `get x.lz4 ${target}`, { name: "tidemark" });
    expect(refused.exitCode).toBe(31);
    expect(existsSync(target)).toBe(false);
    expect(refused.stderr).not.toContain("00".repeat(32));
  });

  test("the storage is checked, and what is missing is named", async () => {
    const env = environmentOf(kind, "checked");
    const write = await tool(env, "check write");
    expect([write.exitCode, messages(write.stderr)]).toEqual([0, ["INFO: Write check OK"]]);
    expect((await tool(env, "ls -r")).stdout).toBe("type size last modified name\n");
    const read = await tool(env, "check read");
    expect([read.exitCode, messages(read.stderr)]).toEqual([0, ["INFO: Read check OK"]]);
    await tool(env, "put -s --no-compress there", { stdin: "" });
    const missing = await tool(env, "check read a there b/c");
    expect(missing.exitCode).toBe(1);
    expect(messages(missing.stderr)).toContain("ERROR: files are missing: a, b/c");
  });

  test("mistakes end with WAL-G's code and words, or with the program's own codes", async () => {
    const env = environmentOf(kind, "mistakes");
    await tool(env, "put -s --no-compress x", { stdin: "old" });
    const source = join(scratch.path, `${kind}-new`);
    writeFileSync(source, "new");
    const cases: readonly (readonly [words: string, own: number, message: string])[] = [
      [
        `put --no-compress ${source} x`,
        23,
        "object x already exists. To overwrite it, add the -f flag",
      ],
      ["rm absent", 22, 'object or folder "absent" does not exist'],
      ["stat absent", 22, "absent: object not found"],
      ["cat absent", 22, "absent: object not found"],
      [`get x ${source}`, 45, `${source}: exists already`],
      ["ls -t other", 10, "is not found, available storages: [default]"],
      ["rm /", 2, '"/" means the whole storage'],
      ["lss", 2, 'unknown command "lss" for "'],
    ];
    for (const [words, own, message] of cases) {
      const walg = await tool(env, words);
      expect([words, walg.exitCode]).toEqual([words, 1]);
      expect(walg.stderr).toContain(message);
      expect((await tool(env, words, { name: "tidemark" })).exitCode).toBe(own);
    }
    expect((await tool(env, "cat x")).stdout).toBe("old");
    expect((await tool(env, `put --no-compress -f ${source} x`)).exitCode).toBe(0);
    expect((await tool(env, "cat x")).stdout).toBe("new");
  });

  test("an interrupted put leaves no object", async () => {
    const env = environmentOf(kind, "stopped");
    const child = Bun.spawn(["sh", "-c", "head -c 40000000 /dev/zero; sleep 60"], {
      stdout: "pipe",
    });
    const put = startPiped(env, child.stdout);
    await Bun.sleep(1500);
    put.kill("SIGTERM");
    expect(await put.exited).toBe(143);
    child.kill();
    expect((await tool(env, "ls -r")).stdout).toBe("type size last modified name\n");
  });
});

function startPiped(env: Record<string, string>, stdin: ReadableStream) {
  const [program = "", ...words] = binaryCommand(["st", "put", "-s", "--no-compress", "x"]);
  return Bun.spawn([program, ...words], { env: { PATH: "/usr/bin:/bin", ...env }, stdin });
}

test("an exact listing in local time, summer and winter", async () => {
  const env = environmentOf("file", "exact");
  const folder = env["WALG_FILE_PREFIX"] ?? "";
  mkdirSync(join(folder, "wal_005/deep"), { recursive: true });
  for (const [name, size, time] of [
    ["000000010000000000000001.lz4", 4321, "2024-07-01T10:00:00.120Z"],
    ["00000002.history", 7, "2024-12-31T23:30:00Z"],
    ["deep/x", 1, "2024-12-31T23:30:00Z"],
  ] as const) {
    writeFileSync(join(folder, "wal_005", name), "x".repeat(size));
    utimesSync(join(folder, "wal_005", name), new Date(time), new Date(time));
  }
  expect((await tool(env, "ls wal_005/")).stdout).toBe(
    [
      "type size last modified                     name",
      "dir  0    0001-01-01 00:00:00 +0000 UTC     deep/                         ",
      "obj  4321 2024-07-01 12:00:00.12 +0200 CEST 000000010000000000000001.lz4  ",
      "obj  7    2025-01-01 00:30:00 +0100 CET     00000002.history              ",
      "",
    ].join("\n"),
  );
});

test("a large object passes through a small process", async () => {
  const env = environmentOf("s3", "large");
  const source = join(scratch.path, "large");
  const sizeBytes = 256 << 20;
  writeFileSync(source, "");
  Bun.spawnSync(["sh", "-c", `head -c ${sizeBytes} /dev/urandom >"${source}"`]);
  const measured = async (...words: string[]) => {
    const run = Bun.spawn(binaryCommand(["st", ...words]), {
      env: { PATH: "/usr/bin:/bin", ...env },
      stdout: "pipe",
    });
    const hash = new Bun.CryptoHasher("sha256");
    let peakBytes = 0;
    const watch = setInterval(() => {
      peakBytes = peakBytesOf(run.pid) ?? peakBytes;
    }, 5);
    for await (const chunk of run.stdout) hash.update(chunk);
    expect(await run.exited).toBe(0);
    clearInterval(watch);
    expect(peakBytes).toBeGreaterThan(0);
    return { hash: hash.digest("hex"), peakBytes };
  };
  const put = await measured("put", "--no-compress", source, "large");
  const cat = await measured("cat", "large");
  const get = await measured("get", "large", `${source}-copy`);
  const hashOf = (path: string) => {
    return Bun.spawnSync(["sha256sum", path]).stdout.toString().slice(0, 64);
  };
  expect(cat.hash).toBe(hashOf(source));
  expect(hashOf(`${source}-copy`)).toBe(cat.hash);
  for (const { peakBytes } of [put, cat, get]) expect(peakBytes).toBeLessThan(220 << 20);
});
