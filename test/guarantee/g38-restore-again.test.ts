// Proves that a restore into the rest of an interrupted one gives the same directory, byte for
// byte, as a restore into an empty one, and that nothing of the rest survives.
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { listDirectory } from "../support/directory-listing.ts";
import { storeBackup } from "../support/made-backup.ts";
import { memoryRepository } from "../support/memory-repository.ts";
import { restoreHere } from "../support/restore.ts";
import { makeScratch } from "../support/scratch.ts";

it("G38 a restore over an interrupted one equals a clean restore", async () => {
  using scratch = makeScratch("g38");
  const repository = await memoryRepository("zstd");
  const backup = await storeBackup(repository);
  const clean = join(scratch.path, "clean");
  await restoreHere({ repository, backup, targetDir: clean });
  const targetDir = join(scratch.path, "again");
  const stop = new AbortController();
  const failing = restoreHere({
    repository,
    backup,
    targetDir,
    signal: stop.signal,
    onPart: () => stop.abort(new Error("interrupted")),
  });
  await expect(failing).rejects.toThrow("interrupted");
  expect(existsSync(join(targetDir, "PG_VERSION"))).toBe(true);
  expect(existsSync(join(targetDir, "global/pg_control"))).toBe(false);
  mkdirSync(join(targetDir, "base/77"));
  writeFileSync(join(targetDir, "base/77/1"), "of another backup");
  const lines = await restoreHere({ repository, backup, targetDir });
  expect(lines.join("\n")).toContain("holds the rest of an interrupted restore: emptying it");
  expect(listDirectory(targetDir)).toEqual(listDirectory(clean));
});

it("G38 a complete restore is never taken for an interrupted one", async () => {
  using scratch = makeScratch("g38");
  const repository = await memoryRepository("zstd");
  const backup = await storeBackup(repository);
  const targetDir = join(scratch.path, "data");
  await restoreHere({ repository, backup, targetDir });
  await expect(restoreHere({ repository, backup, targetDir })).rejects.toMatchObject({
    code: "target-not-empty",
  });
  rmSync(targetDir, { recursive: true });
});
