// Proves that a delta restore overwrites nothing but the stopped data directory of the backup's own
// cluster, and that a refused one leaves everything as it was.
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { BackupName } from "../../src/catalog/backup-name.ts";
import type { Repository } from "../../src/transfer/repository.ts";
import { listDirectory } from "../support/directory-listing.ts";
import { storeRandomChain } from "../support/made-chain.ts";
import { memoryRepository } from "../support/memory-repository.ts";
import { seededRandom } from "../support/random.ts";
import { restoreHere } from "../support/restore.ts";
import { makeScratch, type ScratchDir } from "../support/scratch.ts";

let repository: Repository;
let backup: BackupName;

beforeAll(async () => {
  repository = await memoryRepository("zstd");
  ({ backup } = await storeRandomChain(repository, seededRandom(1), 1));
});

/** A data directory of the cluster, as a restore leaves it. */
async function restoredIn(scratch: ScratchDir): Promise<string> {
  const targetDir = join(scratch.path, "data");
  await restoreHere({ repository, backup, targetDir, options: { syncsFiles: false } });
  return targetDir;
}

function delta(targetDir: string) {
  return restoreHere({ repository, backup, targetDir, options: { isDelta: true } });
}

const OTHER_CONTROL = readFileSync(join(import.meta.dirname, "../golden/pg-control/16.bin"));

describe("G35 a delta restore refuses", () => {
  it.each([
    ["another cluster's directory", "is of system 7711695317117116100, the backup of"],
    ["a folder without pg_control", "is not a data directory"],
    ["a folder without PG_VERSION", "is not a data directory"],
    ["a directory in which a server may run", "a server may be running in it"],
    ["a damaged pg_control", "pg_control"],
    ["a mask", "--mask"],
  ])("%s, and changes nothing", async (what, message) => {
    using scratch = makeScratch("g35");
    const targetDir = await restoredIn(scratch);
    const control = join(targetDir, "global/pg_control");
    if (what.startsWith("another")) writeFileSync(control, OTHER_CONTROL);
    if (what.includes("without pg_control")) rmSync(control);
    if (what.includes("without PG_VERSION")) rmSync(join(targetDir, "PG_VERSION"));
    if (what.includes("server")) writeFileSync(join(targetDir, "postmaster.pid"), "1\n");
    if (what.includes("damaged")) writeFileSync(control, "short");
    writeFileSync(join(targetDir, "extra"), "of somebody");
    const before = listDirectory(targetDir);
    const options = { isDelta: true, ...(what === "a mask" ? { mask: "base/*" } : {}) };
    const run = restoreHere({ repository, backup, targetDir, options });
    await expect(run).rejects.toThrow(message);
    expect(listDirectory(targetDir)).toEqual(before);
  });

  it("a folder of other things", async () => {
    using scratch = makeScratch("g35");
    const targetDir = join(scratch.path, "home");
    mkdirSync(targetDir);
    writeFileSync(join(targetDir, "thesis.txt"), "years of work");
    await expect(delta(targetDir)).rejects.toMatchObject({ code: "target-not-empty" });
    expect(readFileSync(join(targetDir, "thesis.txt"), "utf8")).toBe("years of work");
  });

  it("a backup that does not say of which system it is", async () => {
    using scratch = makeScratch("g35");
    const other = await memoryRepository("zstd");
    const random = seededRandom(2);
    const { backup: unknown } = await storeRandomChain(other, random, 0, { hasSystem: false });
    const targetDir = await restoredIn(scratch);
    const options = { isDelta: true };
    const run = restoreHere({ repository: other, backup: unknown, targetDir, options });
    await expect(run).rejects.toThrow("does not say of which system it is");
    expect(existsSync(join(targetDir, "global/pg_control"))).toBe(true);
  });
});

describe("G35 a delta restore accepts", () => {
  it("an empty folder, and restores into it as ever", async () => {
    using scratch = makeScratch("g35");
    const clean = await restoredIn(scratch);
    const targetDir = join(scratch.path, "new");
    mkdirSync(targetDir);
    const lines = await delta(targetDir);
    expect(lines.join("\n")).toContain("there is nothing to compare the backup with");
    expect(listDirectory(targetDir)).toEqual(listDirectory(clean));
  });

  it("the rest of an interrupted restore of either kind", async () => {
    using scratch = makeScratch("g35");
    const clean = await restoredIn(scratch);
    for (const isDelta of [false, true]) {
      const targetDir = join(scratch.path, `rest-${isDelta}`);
      if (isDelta) cpSync(clean, targetDir, { recursive: true, verbatimSymlinks: true });
      const stop = new AbortController();
      const failing = restoreHere({
        repository,
        backup,
        targetDir,
        options: { isDelta },
        signal: stop.signal,
        onPart: () => stop.abort(new Error("interrupted")),
      });
      await expect(failing).rejects.toThrow("interrupted");
      await delta(targetDir);
      expect(listDirectory(targetDir)).toEqual(listDirectory(clean));
    }
  });

  it("a pg_wal that is a link: its target stays as it is", async () => {
    using scratch = makeScratch("g35");
    const targetDir = await restoredIn(scratch);
    const clean = listDirectory(targetDir);
    const elsewhere = join(scratch.path, "wal");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "000000010000000000000009"), "wal");
    rmSync(join(targetDir, "pg_wal"), { recursive: true });
    symlinkSync(elsewhere, join(targetDir, "pg_wal"));
    const lines = await delta(targetDir);
    expect(lines.join("\n")).toContain(`was a link to ${elsewhere}, which is left`);
    expect(listDirectory(targetDir)).toEqual(clean);
    expect(readFileSync(join(elsewhere, "000000010000000000000009"), "utf8")).toBe("wal");
  });

  it("a folder of data that is a link: its target stays as it is", async () => {
    using scratch = makeScratch("g35");
    const single = await memoryRepository("zstd");
    const { backup: full } = await storeRandomChain(single, seededRandom(1), 0);
    const targetDir = join(scratch.path, "data");
    await restoreHere({ repository: single, backup: full, targetDir });
    const clean = listDirectory(targetDir);
    const elsewhere = join(scratch.path, "moved");
    renameSync(join(targetDir, "base"), elsewhere);
    symlinkSync(elsewhere, join(targetDir, "base"));
    const moved = listDirectory(elsewhere);
    const options = { isDelta: true };
    await restoreHere({ repository: single, backup: full, targetDir, options });
    expect(listDirectory(targetDir)).toEqual(clean);
    expect(listDirectory(elsewhere)).toEqual(moved);
  });

  it("unarchived WAL, and says that it goes", async () => {
    using scratch = makeScratch("g35");
    const targetDir = await restoredIn(scratch);
    mkdirSync(join(targetDir, "pg_wal/archive_status"));
    for (const segment of ["00000001000000000000000A", "00000001000000000000000B"]) {
      writeFileSync(join(targetDir, "pg_wal/archive_status", `${segment}.ready`), "");
    }
    const lines = await delta(targetDir);
    expect(lines.join("\n")).toContain("2 files that were not archived yet, the first 00000001");
  });

  const isRoot = process.getuid?.() === 0;
  // skipped: without root nobody can give files away.
  it.runIf(isRoot)(
    "as root a directory of the server's account, for which it goes on",
    async () => {
      using scratch = makeScratch("g35");
      const targetDir = await restoredIn(scratch);
      chownSync(targetDir, 1234, 1234);
      await delta(targetDir);
      expect(Bun.spawnSync(["find", targetDir, "!", "-uid", "1234"]).stdout.toString()).toBe("");
    },
  );
});
