// Proves the way from words to command: personality, help without settings, settings before
// arguments, and exit codes of failures at every step; in process, with a scratch home.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import { Program } from "../../../src/cli/program.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";

const home = mkdtempSync(join(tmpdir(), "tidemark-program-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly log: string;
}

async function run(
  line: string,
  environment: Record<string, string> = {},
  argv0 = "tidemark",
): Promise<Ended> {
  const path = join(home, `${crypto.randomUUID()}.log`);
  const stderr = openSync(path, "a");
  let stdout = "";
  const program = new Program({
    argv0,
    words: line.split(" ").filter((word) => word !== ""),
    environment,
    clock: SYSTEM_CLOCK,
    signal: new AbortController().signal,
    stderr,
    output: {
      write: (text) => {
        stdout += text;
      },
      writeBytes: () => Promise.resolve(),
    },
    input: bytesSource(""),
    home: () => join(home, "empty"),
    self: () => ["/usr/bin/tidemark"],
  });
  const exitCode = await program.run();
  closeSync(stderr);
  return { exitCode, stdout, log: readFileSync(path, "utf8") };
}

test.each([
  ["", "tidemark <command>"],
  ["--help", "tidemark <command>"],
  ["pg", "tidemark <command>"],
  ["help", "tidemark <command>"],
  ["help wal-push", "tidemark wal-push <wal_filepath>"],
  ["wal-push --help", "tidemark wal-push <wal_filepath>"],
  ["pg wal-push -h", "tidemark wal-push <wal_filepath>"],
])("prints help for %j on stdout and exits with 0", async (line, text) => {
  const { exitCode, stdout } = await run(line);
  expect(exitCode).toBe(0);
  expect(stdout).toContain(text);
});

test("prints help and version whatever the settings are", async () => {
  const broken = { WALG_CONFIG_PATH: "/no/such.json", TIDEMARK_DATABASE: "oracle" };
  expect((await run("--version", broken)).stdout).toMatch(/^tidemark version .*\tPostgreSQL\n$/);
  expect((await run("help", {})).exitCode).toBe(0);
  expect((await run("wal-push --help", { WALG_CONFIG_PATH: "/no/such.json" })).exitCode).toBe(0);
  expect((await run("--version", {}, "wal-g-mysql")).stdout).toMatch(/^mysql version .*\tMySQL\n$/);
});

test("reports a fault of the settings before one of the arguments", async () => {
  expect((await run("wal-push", { WALG_CONFIG_PATH: "/no/such.json" })).exitCode).toBe(10);
  const { exitCode, log } = await run("wal-push");
  expect(exitCode).toBe(2);
  expect(log).toContain("accepts 1 arg(s), received 0");
});

test.each([
  ["wal-push", "accepts 1 arg(s), received 0", "wal-g wal-push <wal_filepath> [flags]"],
  ["wal-push a b", "accepts 1 arg(s), received 2", "wal-g wal-push <wal_filepath> [flags]"],
  ["wal-fetch a --no", "unknown flag: --no", "wal-g wal-fetch"],
  ["backup-list x", 'unknown command "x" for "wal-g backup-list"', "wal-g backup-list [flags]"],
  ["wal-psh", 'unknown command "wal-psh" for "wal-g"', "wal-g <command> [flags]"],
])("begins with cobra's words when %j is typed as wal-g", async (line, message, usage) => {
  const { exitCode, log, stdout } = await run(line, {}, "wal-g");
  expect([exitCode, stdout]).toEqual([1, ""]);
  expect(log).toMatch(/^Error: /);
  expect(log.split("\n").slice(0, 2)).toEqual([`Error: ${message}`, "Usage:"]);
  expect(log).toContain(`\n  ${usage}`);
  expect((await run(line)).log).toMatch(/^ERROR: /);
});

test("reports what a running command refuses as wal-g does: in the log", async () => {
  const { log } = await run("backup-push --delta-from-name x", {}, "wal-g");
  expect(log).toMatch(/^ERROR: .* Delta backup not available for remote backup\.\n/m);
});

test.each([
  ["wal-psh", 2],
  ["wal-push --no-such-flag-here", 2],
  ["binlog-push", 2],
  ["config --walg-upload-concurrency=x", 10],
  ["config --walg-gpg-key-id=k", 10],
  ["config --strict --config=/no/such.json", 10],
])("ends %j with %i, and as wal-g with 1", async (line, exitCode) => {
  expect((await run(line)).exitCode).toBe(exitCode);
  expect((await run(line, {}, "wal-g")).exitCode).toBe(1);
});

test("takes name, first word, setting and keys for the database, in that order", async () => {
  const mysql = { WALG_MYSQL_DATASOURCE_NAME: "u:p@/db" };
  const database = async (line: string, environment = {}, argv0 = "tidemark") => {
    const { stdout } = await run(line, environment, argv0);
    return /\nUsage:\n {2}(\S+)/.test(stdout) ? stdout.includes("wal-push") : stdout;
  };
  expect(await database("help", { TIDEMARK_DATABASE: "mysql" })).toBe(false);
  expect(await database("help")).toBe(true);
  expect(await database("mysql help")).toBe(false);
  expect(await database("pg help", { TIDEMARK_DATABASE: "mysql" })).toBe(true);
  expect(await database("help", { TIDEMARK_DATABASE: "postgres" }, "wal-g-mysql")).toBe(false);
  expect((await run("backup-list", mysql)).exitCode).toBe(2);
  const both = await run("backup-push", { ...mysql, PGDATA: "/pg" });
  expect(both.exitCode).toBe(2);
});

test("warns of unknown keys once, and fails on them under --strict", async () => {
  const unknown = { WALG_S3_PREFX: "x" };
  const { log, exitCode } = await run("config", unknown);
  expect(exitCode).toBe(0);
  expect(log.match(/WALG_S3_PREFX is unknown/g)).toHaveLength(1);
  expect((await run("config --strict", unknown)).exitCode).toBe(10);
});

test("reads flags of settings over the environment, wherever they stand", async () => {
  const environment = { WALG_SLOTNAME: "environment" };
  for (const line of ["config --walg-slotname flag", "--walg-slotname=flag config"]) {
    expect((await run(line, environment)).stdout).toContain("WALG_SLOTNAME=flag  (flag)\n");
  }
  expect((await run("config", environment)).stdout).toContain(
    "WALG_SLOTNAME=environment  (environment)\n",
  );
});

test("reports what no command saw as a bug", async () => {
  const path = join(home, "bug.log");
  const stderr = openSync(path, "a");
  const program = new Program({
    argv0: "tidemark",
    words: ["--json"],
    environment: {},
    stderr,
    clock: SYSTEM_CLOCK,
    signal: new AbortController().signal,
    output: { write: () => {}, writeBytes: () => Promise.resolve() },
    input: bytesSource(""),
    home: () => undefined,
    self: () => [],
  });
  expect(await program.fail(new TypeError("boom"))).toBe(1);
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  expect(JSON.parse(lines[0] ?? "").message).toContain("program.test.ts");
  expect(JSON.parse(lines.at(-1) ?? "").error).toMatchObject({ code: "internal", exitCode: 1 });
});
