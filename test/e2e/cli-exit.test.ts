// Proves with the compiled binary how it ends: signals, closed pipes, JSON errors, and wal-fetch's
// rule also for failures before it ran; against a storage that never answers.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { runToEnd } from "../support/run-as.ts";
import { binaryCommand, runBinary, startBinary } from "../support/run-binary.ts";
import { makeScratch } from "../support/scratch.ts";

let requests = 0;
const silent = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  fetch: () => {
    requests++;
    return new Promise<Response>(() => {});
  },
});
afterAll(() => silent.stop(true));

const HANGING = {
  WALG_S3_PREFIX: "s3://bucket/path",
  AWS_ENDPOINT: `http://127.0.0.1:${silent.port}`,
  AWS_ACCESS_KEY_ID: "key",
  AWS_SECRET_ACCESS_KEY: "hush-hush-hush",
  AWS_REGION: "us-east-1",
};

async function hanging(name: string, args: readonly string[] = []) {
  const before = requests;
  const running = startBinary(["backup-list", ...args], { name, env: HANGING });
  while (requests === before) await Bun.sleep(5);
  return running;
}

test.each([
  ["SIGTERM", 143],
  ["SIGINT", 130],
  ["SIGHUP", 129],
  ["SIGQUIT", 131],
] as const)("stops on %s with %i, and as wal-g with 1", async (signal, exitCode) => {
  for (const [name, expected] of [
    ["tidemark", exitCode],
    ["wal-g", 1],
  ] as const) {
    const running = await hanging(name);
    running.kill(signal);
    expect(await running.exited).toBe(expected);
    expect(await running.stderr).toContain(`interrupted by ${signal}`);
  }
});

test("leaves a signal alone that its parent ignores", async () => {
  const before = requests;
  const command = `trap '' HUP; exec "$@"`;
  const child = Bun.spawn(["sh", "-c", command, "sh", ...binaryCommand(["backup-list"])], {
    env: HANGING,
    stderr: "pipe",
  });
  while (requests === before) await Bun.sleep(5);
  child.kill("SIGHUP");
  await Bun.sleep(200);
  expect(child.exitCode).toBe(null);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(143);
});

test("ends quietly when the reader of its output goes away", async () => {
  const script = '{ sleep 0.3; "$@"; echo "exit $?" >&2; } | true';
  for (const [name, exitCode] of [
    ["tidemark", 141],
    ["wal-g", 1],
  ] as const) {
    const command = ["bash", "-c", script, "x", ...binaryCommand(["flags"], { name })];
    expect((await runToEnd(command)).stderr).toBe(`exit ${exitCode}\n`);
  }
});

test("ends with one line of JSON on stderr in JSON mode", async () => {
  const { exitCode, stderr } = await runBinary(["wal-push", "--json"]);
  const lines = stderr.trimEnd().split("\n");
  expect(JSON.parse(lines.at(-1) ?? "")).toEqual({
    error: {
      code: "usage",
      exitCode: 2,
      message: "accepts 1 arg(s), received 0",
      hint: "See tidemark wal-push --help.",
    },
  });
  expect(exitCode).toBe(2);
  const interrupted = await hanging("tidemark", ["--json"]);
  interrupted.kill("SIGTERM");
  const last = (await interrupted.stderr).trimEnd().split("\n").at(-1) ?? "";
  expect(JSON.parse(last).error).toMatchObject({ code: "canceled", exitCode: 143 });
});

test.each([
  ["a malformed setting", ["wal-fetch", "x", "y"], { WALG_UPLOAD_CONCURRENCY: "x" }, 10],
  ["a missing configuration file", ["wal-fetch", "x", "y", "--config=/no/such.json"], {}, 10],
  ["an encryption that is missing", ["wal-fetch", "x", "y"], { WALG_GPG_KEY_ID: "k" }, 10],
  ["a missing argument", ["wal-fetch", "x"], {}, 2],
  ["an unknown flag", ["wal-fetch", "x", "y", "--nope-nope"], {}, 2],
  ["no storage", ["wal-fetch", "000000010000000000000001", "y"], {}, 10],
])("in archive recovery wal-fetch stops the server on %s", async (_case, args, env, ordinary) => {
  using recovery = makeScratch("cli-recovery");
  writeFileSync(join(recovery.path, "recovery.signal"), "");
  using standby = makeScratch("cli-standby");
  writeFileSync(join(standby.path, "recovery.signal"), "");
  writeFileSync(join(standby.path, "standby.signal"), "");
  const exitCode = async (name: string, cwd: string) =>
    (await runBinary(args, { name, env, cwd })).exitCode;
  expect(await exitCode("tidemark", recovery.path)).toBe(200);
  expect(await exitCode("wal-g", recovery.path)).toBe(200);
  expect(await exitCode("tidemark", standby.path)).toBe(ordinary);
  expect(await exitCode("wal-g", standby.path)).toBe(1);
});
