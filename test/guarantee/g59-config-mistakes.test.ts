// Mistakes in the configuration are errors or warnings, never ignored: unknown names, malformed,
// contradicting and unsupported values, flags of another command; run with the compiled binary.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runBinary } from "../support/run-binary.ts";
import { makeScratch } from "../support/scratch.ts";

test("G59 unknown settings warn with the nearest name, and fail under --strict", async () => {
  using scratch = makeScratch("g59");
  const path = join(scratch.path, "c.yaml");
  writeFileSync(path, "WALG_S3_PREFX: s3://bucket\n");
  for (const run of [{ env: { WALG_S3_PREFX: "x" } }, { args: [`--config=${path}`] }]) {
    const { env = {}, args = [] } = run;
    const lenient = await runBinary(["config", ...args], { env });
    expect(lenient.exitCode).toBe(0);
    expect(lenient.stderr).toMatch(/^WARNING: .*WALG_S3_PREFX is unknown.*WALG_S3_PREFIX\?$/m);
    expect((await runBinary(["config", "--strict", ...args], { env })).exitCode).toBe(10);
  }
  expect((await runBinary(["config", "--walg-s3-prefx=x"])).exitCode).toBe(2);
});

test("G59 different values under two names warn, and fail under --strict", async () => {
  const env = { TIDEMARK_S3_PREFIX: "s3://one", WALG_S3_PREFIX: "s3://two" };
  const { stdout, stderr } = await runBinary(["config"], { env });
  expect(stderr).toContain("TIDEMARK_S3_PREFIX is used");
  expect(stdout).toContain("TIDEMARK_S3_PREFIX=s3://one  (environment)");
  expect((await runBinary(["config", "--strict"], { env })).exitCode).toBe(10);
});

test.each([
  ["WALG_UPLOAD_CONCURRENCY", "many"],
  ["WALG_UPLOAD_CONCURRENCY", "0"],
  ["WALG_COMPRESSION_METHOD", "rar"],
  ["WALG_TAR_DISABLE_FSYNC", "maybe"],
  ["TIDEMARK_ARCHIVE_TIMEOUT", "60"],
  ["WALG_LOG_LEVEL", "LOUD"],
  ["TIDEMARK_DATABASE", "oracle"],
])("G59 a malformed %s=%s is an error with name, value and example", async (name, value) => {
  const { exitCode, stderr } = await runBinary(["config"], { env: { [name]: value } });
  expect(exitCode).toBe(10);
  expect(stderr).toContain(`${name} is "${value}"`);
  expect(stderr).toContain(`For example: ${name}=`);
});

test.each(["WALE_GPG_KEY_ID", "WALG_SWIFT_PREFIX", "WALG_OSS_PREFIX"])(
  "G59 %s is refused, so that nothing goes where it was not meant to",
  async (name) => {
    using scratch = makeScratch("g59");
    const env = { [name]: "x", WALG_FILE_PREFIX: scratch.path };
    for (const command of [["wal-push", "x"], ["backup-list"], ["config"]]) {
      const { exitCode, stderr } = await runBinary(command, { env });
      expect(exitCode).toBe(10);
      expect(stderr).toContain(`${name} (environment) asks for`);
    }
  },
);

test("G59 a flag that belongs to another command is an error", async () => {
  const { exitCode, stderr } = await runBinary(["wal-push", "x", "--permanent"]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain("unknown flag: --permanent");
});

test.each(["WALG_PGP_KEY_PAHT", "WALG_LIBSODIUM_KEYS", "YC_CSE_KMS_KEYID", "WALG_SWIFT_BUCKET"])(
  "G59 %s is a typo that must not store in plain or elsewhere",
  async (name) => {
    using scratch = makeScratch("g59");
    const env = { [name]: "x", WALG_FILE_PREFIX: scratch.path };
    for (const command of [["wal-push", "x"], ["backup-push", "x"], ["backup-list"]]) {
      const { exitCode, stderr } = await runBinary(command, { env });
      expect(exitCode).toBe(10);
      expect(stderr).toContain(`${name} (environment) is unknown, and asks for`);
    }
  },
);

test("G59 another storage than the only one is an error of every command", async () => {
  using scratch = makeScratch("g59");
  const env = { WALG_FILE_PREFIX: scratch.path, TIDEMARK_ALLOW_ROOT: "true" };
  const segment = "000000010000000000000001";
  const commands = [
    ["wal-fetch", segment, join(scratch.path, "segment")],
    ["backup-push"],
    ["backup-fetch", join(scratch.path, "data"), "LATEST"],
    ["backup-list"],
  ];
  for (const command of commands) {
    const { exitCode, stderr } = await runBinary([...command, "--target-storage=second"], { env });
    expect(exitCode, command[0]).toBe(10);
    expect(stderr).toContain('storage with name "second" is not found');
  }
  const only = await runBinary(["backup-list", "--target-storage=default"], { env });
  expect(only.exitCode).toBe(0);
});

test("G59 a limit that is no number of bytes is an error before anything is moved", async () => {
  using scratch = makeScratch("g59");
  for (const value of ["10mb", "0", "-1", "1.5"]) {
    const env = { WALG_FILE_PREFIX: scratch.path, WALG_NETWORK_RATE_LIMIT: value };
    const fetch = ["backup-fetch", join(scratch.path, "data"), "LATEST"];
    const { exitCode, stderr } = await runBinary(fetch, { env });
    expect(exitCode, value).toBe(10);
    expect(stderr).toContain("WALG_NETWORK_RATE_LIMIT");
  }
});
