// Proves with the compiled binary where settings come from, what is printed of them, and that
// faulty ones stop it; with real files, and homes that the environment lies about.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runToEnd, serverAccount } from "../support/run-as.ts";
import { binaryCommand, runBinary } from "../support/run-binary.ts";
import { makeScratch } from "../support/scratch.ts";

test("flag beats environment beats file beats default, in each format", async () => {
  using scratch = makeScratch("cli-config");
  const files = {
    "c.json": '{"WALG_SLOTNAME": "of_file", "WALG_S3_PREFIX": "s3://file"}',
    "c.yaml": "WALG_SLOTNAME: of_file\nWALG_S3_PREFIX: s3://file\n",
    "c.toml": 'WALG_SLOTNAME = "of_file"\nWALG_S3_PREFIX = "s3://file"\n',
    "c.env": "WALG_SLOTNAME=of_file\nWALG_S3_PREFIX=s3://file\n",
  };
  for (const [name, text] of Object.entries(files)) {
    const path = join(scratch.path, name);
    writeFileSync(path, text);
    const env = { WALG_S3_PREFIX: "s3://environment", WALE_S3_PREFIX: "s3://environment" };
    const args = ["--config", path, "config", "--defaults", "--walg-zstd-level=best"];
    const { exitCode, stdout, stderr } = await runBinary(args, { env });
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`WALG_SLOTNAME=of_file  (file ${path})\n`);
    expect(stdout).toContain("WALG_S3_PREFIX=s3://environment  (environment)\n");
    expect(stdout).toContain("WALG_ZSTD_LEVEL=best  (flag)\n");
    expect(stdout).toContain("WALG_COMPRESSION_METHOD=zstd  (default)\n");
  }
});

test("takes the home from the passwd entry, not from HOME, or works without", async () => {
  using scratch = makeScratch("cli-home");
  writeFileSync(join(scratch.path, ".walg.json"), '{"WALG_SLOTNAME": "lie"}');
  const env = { HOME: scratch.path };
  const { stdout, exitCode } = await runBinary(["config"], { env });
  expect([stdout.includes("lie"), exitCode]).toEqual([false, 0]);
  // Only root can take a user id that has no entry; an ordinary user's own was used above.
  if (serverAccount() === undefined) return;
  const command = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", "--"];
  const nobody = await runToEnd([...command, ...binaryCommand(["config"])], { env });
  expect([nobody.stdout, nobody.stderr, nobody.exitCode]).toEqual(["", "", 0]);
});

test("does not let the working directory configure it", async () => {
  using scratch = makeScratch("cli-cwd");
  writeFileSync(join(scratch.path, ".env"), "WALG_SLOTNAME=lie\n");
  writeFileSync(join(scratch.path, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
  writeFileSync(join(scratch.path, "evil.ts"), 'console.log("lie");\n');
  writeFileSync(join(scratch.path, ".walg.json"), '{"WALG_SLOTNAME": "lie"}');
  mkdirSync(join(scratch.path, "node_modules"));
  const { stdout, exitCode } = await runBinary(["config"], { cwd: scratch.path });
  expect([stdout, exitCode]).toEqual(["", 0]);
});

test("names file and place of a file that does not parse, and stops", async () => {
  using scratch = makeScratch("cli-broken");
  const path = join(scratch.path, "broken.json");
  writeFileSync(path, '{\n  "WALG_FILE_PREFIX": "/x"\n  "PGHOST": "y"\n}\n');
  const own = await runBinary(["backup-list", "--config", path]);
  expect(own.exitCode).toBe(10);
  expect(own.stderr).toContain(`${path} does not parse: unexpected "\\"" at line 3, column 3`);
  const walg = await runBinary(["backup-list", `--config=${path}`], { name: "wal-g" });
  expect(walg.exitCode).toBe(1);
});

test("prints JSON for programs", async () => {
  const env = { AWS_SECRET_ACCESS_KEY: "hush-hush-hush", AWS_REGION: "eu-west-1" };
  const { stdout } = await runBinary(["config", "--json"], { env });
  expect(JSON.parse(stdout)).toEqual([
    { name: "AWS_SECRET_ACCESS_KEY", value: "--HIDDEN--", origin: "environment" },
    { name: "AWS_REGION", value: "eu-west-1", origin: "environment" },
  ]);
});
