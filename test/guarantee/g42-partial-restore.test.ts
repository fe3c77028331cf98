// Proves that a restore of only some files cannot be mistaken for a cluster: with a mask no server
// can start on it, and partial restores of databases are refused instead of half done.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { copyFixture } from "../support/fixture.ts";
import { storeBackup } from "../support/made-backup.ts";
import { memoryRepository } from "../support/memory-repository.ts";
import { restoreHere } from "../support/restore.ts";
import { runBinary } from "../support/run-binary.ts";
import { makeScratch } from "../support/scratch.ts";

it("G42 a mask brings its files only, and nothing that could start", async () => {
  using scratch = makeScratch("g42");
  const repository = await memoryRepository("zstd");
  const backup = await storeBackup(repository);
  const targetDir = join(scratch.path, "data");
  await restoreHere({ repository, backup, targetDir, options: { mask: "base/1/*" } });
  expect(readdirSync(join(targetDir, "base/1"))).toEqual(["112"]);
  expect(existsSync(join(targetDir, "PG_VERSION"))).toBe(false);
  expect(readdirSync(join(targetDir, "global"))).toEqual([]);
});

it("G42 --restore-only is refused, not ignored", async () => {
  using scratch = makeScratch("g42");
  const fixture = copyFixture("pg15-brotli-full", scratch.path);
  const target = join(scratch.path, "data");
  const args = ["backup-fetch", target, "LATEST", "--restore-only", "template1"];
  const result = await runBinary(args, { env: { WALG_FILE_PREFIX: fixture.repository } });
  expect(result.stderr).toContain("partial restores are not supported yet");
  expect(result.exitCode).toBe(2);
  expect(existsSync(target)).toBe(false);
});
