// Proves that a backup without its backup_label, or with the label of another one, is refused and
// leaves nothing that a server could start on.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  CONTROL_ENTRIES,
  DATA_ENTRIES,
  LABEL_ENTRIES,
  LABEL_TEXT,
  type MadeEntry,
  storeBackup,
} from "../support/made-backup.ts";
import { memoryRepository } from "../support/memory-repository.ts";
import { restoreHere } from "../support/restore.ts";
import { makeScratch } from "../support/scratch.ts";

const OTHER_LABEL = LABEL_TEXT.replace("0/2000028", "0/3000028");

describe("G21 a backup without its label", () => {
  it.each<[string, Record<string, readonly MadeEntry[]>, string]>([
    ["has no part with it", {}, "it has no backup_label"],
    [
      "has an empty label",
      { backup_label: [{ name: "backup_label" }, { name: "tablespace_map" }] },
      "its backup_label is damaged or cut short",
    ],
    [
      "has a label that was cut short",
      { backup_label: [{ name: "backup_label", content: LABEL_TEXT.slice(0, 70) }] },
      "its backup_label is damaged or cut short",
    ],
    [
      "has another backup's label, left over in the data directory",
      { stale: [{ name: "/backup_label", content: OTHER_LABEL }] },
      "its backup_label starts at 0/3000028, the backup at 0/2000028",
    ],
  ])("G21 is refused when it %s", async (_title, labels, message) => {
    using scratch = makeScratch("g21");
    const repository = await memoryRepository("zstd");
    const parts = { part_001: DATA_ENTRIES, ...labels, pg_control: CONTROL_ENTRIES };
    const backup = await storeBackup(repository, { parts });
    const targetDir = join(scratch.path, "data");
    await expect(restoreHere({ repository, backup, targetDir })).rejects.toThrow(message);
    expect(existsSync(join(targetDir, "global/pg_control"))).toBe(false);
  });

  it("G21 takes the backup's own label over one of the data directory", async () => {
    using scratch = makeScratch("g21");
    const repository = await memoryRepository("zstd");
    const stale = { name: "/backup_label", content: OTHER_LABEL };
    const parts = {
      part_001: [...DATA_ENTRIES, stale],
      backup_label: LABEL_ENTRIES,
      pg_control: CONTROL_ENTRIES,
    };
    const backup = await storeBackup(repository, { parts });
    const targetDir = join(scratch.path, "data");
    await restoreHere({ repository, backup, targetDir });
    expect(existsSync(join(targetDir, "global/pg_control"))).toBe(true);
  });
});
