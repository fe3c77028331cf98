// Proves with the compiled binary which name, word, setting or key makes it which of WAL-G's
// programs, and what it prints about itself.
import { expect, test } from "vitest";
import { runBinary } from "../support/run-binary.ts";

const WALG_VERSION = /^(\S+) version \S+\t\S*\t\S*\t(\S+)\n$/;

test.each([
  ["tidemark", "tidemark", "PostgreSQL"],
  ["wal-g", "wal-g", "PostgreSQL"],
  ["wal-g-pg", "wal-g", "PostgreSQL"],
  ["wal-g-mysql", "mysql", "MySQL"],
  ["wal-g-redis", "redis", "Redis"],
])("called as %s it says which program it is", async (name, program, database) => {
  const { exitCode, stdout, stderr } = await runBinary(["--version"], { name });
  expect(WALG_VERSION.exec(stdout)?.slice(1)).toEqual([program, database]);
  expect([exitCode, stderr]).toEqual([0, ""]);
});

test.each([
  ["bare", []],
  ["bare with a database", ["pg"]],
  ["--help", ["--help"]],
  ["help", ["help"]],
  ["help of a command", ["wal-push", "--help"]],
])("prints help on stdout and exits with 0: %s", async (_case, args) => {
  const { exitCode, stdout, stderr } = await runBinary(args, { name: "wal-g" });
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("Usage:\n  wal-g ");
});

test("refuses unknown commands on stderr, with the codes of its name", async () => {
  const own = await runBinary(["wal-psh"]);
  expect([own.exitCode, own.stdout]).toEqual([2, ""]);
  expect(own.stderr).toContain('unknown command "wal-psh" for "tidemark"');
  expect(own.stderr).toContain("Did you mean wal-push?");
  const walg = await runBinary(["wal-psh"], { name: "wal-g" });
  expect(walg.exitCode).toBe(1);
  expect(walg.stderr).toMatch(/^Error: unknown command "wal-psh" for "wal-g"\nUsage:\n {2}wal-g /);
});

test("takes the database from name, word, setting, command and keys, in that order", async () => {
  const env = { WALG_MYSQL_DATASOURCE_NAME: "u:p@/db" };
  const asked = async (args: readonly string[], environment = {}, name = "tidemark") =>
    (await runBinary(args, { env: environment, name })).stderr;
  const MISSING = "backup-push is not part of this version";
  expect(await asked(["backup-push"], env)).toContain(MISSING);
  expect(await asked(["mysql", "backup-push"])).toContain(MISSING);
  expect(await asked(["backup-push"], { TIDEMARK_DATABASE: "redis" })).toContain(MISSING);
  expect(await asked(["backup-push"], {}, "wal-g-redis")).toContain(MISSING);
  expect(await asked(["pg", "backup-push"], env)).not.toContain(MISSING);
  expect(await asked(["wal-push"], env)).toContain("accepts 1 arg(s), received 0");
  expect(await asked(["backup-push"], { ...env, PGDATA: "/pg" })).toContain("is ambiguous");
});

test("lists what each database's tree has", async () => {
  const postgres = (await runBinary(["help"])).stdout;
  const mysql = (await runBinary(["help"], { name: "wal-g-mysql" })).stdout;
  expect(postgres).toMatch(/^ {2}wal-push /m);
  expect(mysql).not.toMatch(/^ {2}wal-push /m);
  expect(mysql).toMatch(/^ {2}completion /m);
});
