// Every failure has a documented code and a hint, and no secret is in any output; run with the
// compiled binary, every secret setting set, at the noisiest log level.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ERROR_TABLE } from "../../src/base/errors.ts";
import { canonicalName } from "../../src/config/setting.ts";
import { SETTINGS } from "../../src/config/table.ts";
import { runBinary } from "../support/run-binary.ts";
import { makeScratch } from "../support/scratch.ts";

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/exit-codes.md"), "utf8");

test("G58 every failure has a documented numeric code and hint", async () => {
  for (const [code, { exitCode, hint }] of Object.entries(ERROR_TABLE)) {
    expect(PAGE).toContain(`| ${exitCode} | \`${code}\` |`);
    expect(hint.length).toBeGreaterThan(10);
  }
  const failures: readonly (readonly [readonly string[], Record<string, string>, string])[] = [
    [["no-such-command"], {}, "usage"],
    [["config", "--config=/no/such.yaml"], {}, "config"],
    [["backup-list"], { WALG_FILE_PREFIX: "/no/such/folder" }, "config"],
    [["backup-list", "--json"], { WALG_UPLOAD_CONCURRENCY: "none" }, "config"],
  ];
  for (const [args, env, code] of failures) {
    const { exitCode, stderr } = await runBinary([...args, "--json"], { env });
    const { error } = JSON.parse(stderr.trimEnd().split("\n").at(-1) ?? "");
    expect(error, stderr).toMatchObject({ code, exitCode });
    expect(PAGE).toContain(`| ${exitCode} | \`${code}\` |`);
    expect(error.hint).toMatch(/^[A-Z].*\.$/);
  }
});

test("G58 no output holds a secret, at any level, in text or JSON", async () => {
  using scratch = makeScratch("g58");
  const secrets = SETTINGS.filter(
    ({ isSecret, status, kind }) =>
      isSecret === true && status !== "missing" && status !== "retired" && kind === "text",
  ).map((setting) => [canonicalName(setting), `hush-${setting.key}-hush-hush`] as const);
  expect(secrets.length).toBeGreaterThan(8);
  const env = {
    ...Object.fromEntries(secrets),
    WALG_LOG_LEVEL: "DEVEL",
    WALG_S3_PREFIX: "s3://bucket/path",
    // Nothing listens there; the address carries a password too.
    AWS_ENDPOINT: "http://user:hush-address@127.0.0.1:1",
    AWS_ACCESS_KEY_ID: "AKIA",
    AWS_REGION: "us-east-1",
    S3_MAX_RETRIES: "0",
    PGHOST: "/no/such/socket",
    PGDATA: scratch.path,
  };
  const commands = [
    ["config", "--defaults"],
    ["config", "--json"],
    ["backup-list"],
    ["backup-list", "--json"],
    ["backup-push"],
    ["backup-fetch", join(scratch.path, "x"), "LATEST"],
    ["wal-push", "000000010000000000000001"],
    ["wal-fetch", "000000010000000000000001", join(scratch.path, "y")],
    ["wal-psh"],
    ["wal-push", "--pgpassword"],
    ["config", "--walg-upload-concurrency=none"],
  ];
  for (const args of commands) {
    for (const name of ["tidemark", "wal-g"]) {
      const run = await runBinary([...args, "--tidemark-fetch-retry-budget=0s"], { env, name });
      const shown = run.stdout + run.stderr;
      expect(shown, args.join(" ")).not.toBe("");
      for (const word of ["hush-", "hush%", "HUSH"])
        expect(shown, args.join(" ")).not.toContain(word);
    }
  }
});

test("G58 a user's mistake shows no stack", async () => {
  const mistakes = [["no-such"], ["wal-push"], ["backup-list", "--nope-nope"], ["backup-list"]];
  for (const args of mistakes) {
    const { stderr, exitCode } = await runBinary(args);
    expect(exitCode).toBeGreaterThan(1);
    expect(stderr).toMatch(/^ERROR: /);
    expect(stderr).not.toMatch(/^\s+at /m);
  }
});
