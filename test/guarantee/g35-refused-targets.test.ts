// Proves that a running cluster, a directory with anything in it, a file, and a tablespace folder
// with anything in it are refused before a byte is written, with WAL-G's text and our exit code.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { copyFixture } from "../support/fixture.ts";
import { storeBackup } from "../support/made-backup.ts";
import { memoryRepository } from "../support/memory-repository.ts";
import { startCluster } from "../support/postgres-cluster.ts";
import { restoreHere } from "../support/restore.ts";
import { runBinary } from "../support/run-binary.ts";
import { makeScratch } from "../support/scratch.ts";

describe("G35 targets that a restore refuses", () => {
  it("G35 a running cluster, which goes on running", async () => {
    await using cluster = await startCluster({ version: "15" });
    using scratch = makeScratch("g35");
    const fixture = copyFixture("pg15-brotli-full", scratch.path);
    const env = { WALG_FILE_PREFIX: fixture.repository };
    const result = await runBinary(["backup-fetch", cluster.dataDir, "LATEST"], { env });
    expect(result.stderr).toContain("Failed to fetch backup: Directory");
    expect(result.stderr).toContain("must be empty");
    expect(result.stderr).toContain(`server ${cluster.processId} runs in it`);
    expect(result.exitCode).toBe(46);
    expect(await cluster.value("select 1")).toBe("1");
    const asWalg = { env, name: "wal-g" };
    expect((await runBinary(["backup-fetch", cluster.dataDir, "LATEST"], asWalg)).exitCode).toBe(1);
  });

  it("G35 a directory that holds anything, which stays as it was", async () => {
    using scratch = makeScratch("g35");
    const repository = await memoryRepository("zstd");
    const backup = await storeBackup(repository);
    const targetDir = join(scratch.path, "data");
    mkdirSync(targetDir);
    writeFileSync(join(targetDir, "mine"), "precious");
    await expect(restoreHere({ repository, backup, targetDir })).rejects.toMatchObject({
      code: "target-not-empty",
      message: `Failed to fetch backup: Directory ${targetDir} for delta base must be empty`,
    });
    expect(readdirSync(targetDir)).toEqual(["mine"]);
    expect(readFileSync(join(targetDir, "mine"), "utf8")).toBe("precious");
  });

  it("G35 a path that is a file", async () => {
    using scratch = makeScratch("g35");
    const repository = await memoryRepository("zstd");
    const backup = await storeBackup(repository);
    const targetDir = join(scratch.path, "data");
    writeFileSync(targetDir, "precious");
    await expect(restoreHere({ repository, backup, targetDir })).rejects.toMatchObject({
      code: "filesystem",
    });
    expect(readFileSync(targetDir, "utf8")).toBe("precious");
  });

  it("G35 a tablespace folder that holds anything; the target is not even made", async () => {
    using scratch = makeScratch("g35");
    const repository = await memoryRepository("zstd");
    const location = join(scratch.path, "tablespace");
    mkdirSync(location);
    writeFileSync(join(location, "mine"), "precious");
    const Spec = {
      base_prefix: "/old",
      tablespaces: ["16400"],
      "16400": { loc: location, link: "pg_tblspc/16400" },
    };
    const backup = await storeBackup(repository, { sentinel: { Spec } });
    const targetDir = join(scratch.path, "data");
    await expect(restoreHere({ repository, backup, targetDir })).rejects.toThrow(
      `Directory ${location} for delta base must be empty`,
    );
    expect(existsSync(targetDir)).toBe(false);
    expect(readdirSync(location)).toEqual(["mine"]);
  });
});
