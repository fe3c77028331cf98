// Proves that the settings in effect are printed with their origin and without secrets.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { run } from "../../../src/command/config.ts";
import { CONFIG_SPEC } from "../../../src/command/specs/general.ts";
import { testInvocation } from "../../support/invocation.ts";

const folder = mkdtempSync(join(tmpdir(), "tidemark-config-command-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const configPath = join(folder, "tidemark.yaml");
writeFileSync(configPath, "WALG_SLOTNAME: of_file\nWALG_S3_PREFIX: s3://file\n");

const environment = {
  WALE_S3_PREFIX: "s3://environment",
  PGPASSWORD: "hush-hush",
  AWS_ENDPOINT: "https://user:hush-hush@minio:9000",
};

test("prints what was given, each with its origin", async () => {
  const words = ["--walg-zstd-level=best"];
  const invocation = testInvocation(CONFIG_SPEC, { environment, configPath, words });
  await run(invocation);
  expect(invocation.stdout().split("\n").sort()).toEqual(
    [
      "",
      "WALE_S3_PREFIX=s3://environment  (environment)",
      "AWS_ENDPOINT=https://user:--HIDDEN--@minio:9000  (environment)",
      "PGPASSWORD=--HIDDEN--  (environment)",
      `WALG_CONFIG_PATH=${configPath}  (file ${configPath})`,
      `WALG_SLOTNAME=of_file  (file ${configPath})`,
      "WALG_ZSTD_LEVEL=best  (flag)",
    ].sort(),
  );
});

test("prints further storages, but not their secrets", async () => {
  const map = {
    second: {
      WALG_S3_PREFIX: "s3://second",
      AWS_SECRET_ACCESS_KEY: "hush",
      AWS_SECRET_KYE: "hush",
    },
    third: "hush",
  };
  const environment = { WALG_FAILOVER_STORAGES: JSON.stringify(map) };
  const invocation = testInvocation(CONFIG_SPEC, { environment });
  await run(invocation);
  const second =
    '{"WALG_S3_PREFIX":"s3://second","AWS_SECRET_ACCESS_KEY":"--HIDDEN--",' +
    '"AWS_SECRET_KYE":"--HIDDEN--"}';
  expect(invocation.stdout()).toBe(
    `WALG_FAILOVER_STORAGES={"second":${second},"third":"--HIDDEN--"}  (environment)\n`,
  );
});

test("prints defaults only when asked", async () => {
  const invocation = testInvocation(CONFIG_SPEC, { words: ["--defaults"], isWalg: true });
  await run(invocation);
  expect(invocation.stdout()).toContain("WALG_COMPRESSION_METHOD=lz4  (default)\n");
  const bare = testInvocation(CONFIG_SPEC);
  await run(bare);
  expect(bare.stdout()).toBe("");
});

test("prints JSON", async () => {
  const invocation = testInvocation(CONFIG_SPEC, { environment, configPath, words: ["--json"] });
  await run(invocation);
  const rows: { name: string }[] = JSON.parse(invocation.stdout());
  expect(rows.find(({ name }) => name === "PGPASSWORD")).toEqual({
    name: "PGPASSWORD",
    value: "--HIDDEN--",
    origin: "environment",
  });
  expect(rows.find(({ name }) => name === "WALG_SLOTNAME")).toEqual({
    name: "WALG_SLOTNAME",
    value: "of_file",
    origin: "file",
    file: configPath,
  });
  expect(invocation.stdout()).not.toContain("hush");
});
