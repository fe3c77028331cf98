// Proves that what is restored is compared with the receipts: a flipped, cut, exchanged or missing
// part and a file with other content fail the restore, and leave nothing that could be started.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { bytesSource, collect } from "../../src/stream/byte-stream.ts";
import { DATA_ENTRIES, MADE_PARTS, storeBackup } from "../support/made-backup.ts";
import { memoryRepository } from "../support/memory-repository.ts";
import { NEVER } from "../support/receipts.ts";
import { restoreHere } from "../support/restore.ts";
import { makeScratch } from "../support/scratch.ts";

const KEY = "basebackups_005/base_000000010000000000000002/tar_partitions/part_001.tar";

/** Stores a backup without compression, changes one of its parts, and restores it. */
async function restoreChanged(change: (part: Uint8Array) => Uint8Array | undefined) {
  using scratch = makeScratch("g36");
  const repository = await memoryRepository("none");
  const backup = await storeBackup(repository);
  const { driver } = repository;
  const key = toObjectKey(KEY);
  const part = await collect(await driver.get(key, { signal: NEVER }), 1 << 20);
  const changed = change(part.slice());
  if (changed === undefined) await driver.delete([key], NEVER);
  else await driver.put(key, bytesSource(changed), { ifAbsent: false, signal: NEVER });
  const targetDir = join(scratch.path, "data");
  const restored = restoreHere({ repository, backup, targetDir });
  return {
    error: await restored.then(
      () => undefined,
      (error: unknown) => error,
    ),
    targetDir,
  };
}

describe("G36 restored files are checked", () => {
  it("G36 every byte of a part counts", async () => {
    using scratch = makeScratch("g36");
    const repository = await memoryRepository("none");
    const backup = await storeBackup(repository);
    const { driver } = repository;
    const key = toObjectKey(KEY);
    const part = await collect(await driver.get(key, { signal: NEVER }), 1 << 20);
    for (let position = 0; position < part.byteLength; position += 97) {
      const damaged = part.slice();
      damaged[position] = (damaged[position] ?? 0) ^ 0x10;
      await driver.put(key, bytesSource(damaged), { ifAbsent: false, signal: NEVER });
      const targetDir = join(scratch.path, `data-${position}`);
      await expect(restoreHere({ repository, backup, targetDir })).rejects.toMatchObject({
        code: "corrupt-object",
      });
      expect(existsSync(join(targetDir, "global/pg_control"))).toBe(false);
    }
  });

  it.each<[string, (part: Uint8Array) => Uint8Array | undefined]>([
    ["cut short", (part) => part.subarray(0, part.byteLength - 512)],
    ["made longer", (part) => new Uint8Array([...part, ...new Uint8Array(512)])],
    ["missing", () => undefined],
  ])("G36 a part that was %s is found before anything is written", async (_title, change) => {
    const { error, targetDir } = await restoreChanged(change);
    expect(error).toMatchObject({ code: "corrupt-object" });
    expect(existsSync(targetDir)).toBe(false);
  });

  it("G36 a file with other content than the receipts say fails, its object whole", async () => {
    using scratch = makeScratch("g36");
    const repository = await memoryRepository("zstd");
    // The same sizes, another content: only the file's own hash can tell.
    const changed = DATA_ENTRIES.map((entry) => {
      return entry.name === "/PG_VERSION" ? { ...entry, content: "13\n" } : entry;
    });
    const backup = await storeBackup(repository, {
      parts: { ...MADE_PARTS, part_001: changed },
      receiptEntries: { part_001: DATA_ENTRIES },
    });
    const targetDir = join(scratch.path, "data");
    await expect(restoreHere({ repository, backup, targetDir })).rejects.toThrow(
      "/PG_VERSION has another content than the receipts say",
    );
    expect(existsSync(join(targetDir, "global/pg_control"))).toBe(false);
  });

  it("G36 a file of WAL-G's list that is in no part fails the restore", async () => {
    using scratch = makeScratch("g36");
    const repository = await memoryRepository("zstd");
    const state = '{"IsIncremented":false,"IsSkipped":false,"MTime":"2026-01-01T00:00:00Z"}';
    const filesMetadata = `{"Files":{"/PG_VERSION":${state},"/base/1/999":${state}}}`;
    const backup = await storeBackup(repository, { hasReceipts: false, filesMetadata });
    const targetDir = join(scratch.path, "data");
    await expect(restoreHere({ repository, backup, targetDir })).rejects.toThrow(
      "/base/1/999 is in none of its parts",
    );
  });
});
