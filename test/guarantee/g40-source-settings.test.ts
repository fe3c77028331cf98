// Proves that recovery settings of the source do not stay in force beside those of the target, and
// that without a target the restored files are the backup's own.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { UTC_ZONE } from "../../src/base/local-zone.ts";
import { Catalog } from "../../src/catalog/catalog.ts";
import { walReader } from "../../src/database/journal-reader.ts";
import { POSTGRES_RESTORE } from "../../src/database/postgres/restore-adapter.ts";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { bytesSource } from "../../src/stream/byte-stream.ts";
import { DATA_ENTRIES, MADE_PARTS, storeBackup } from "../support/made-backup.ts";
import { memoryRepository } from "../support/memory-repository.ts";
import { NEVER } from "../support/receipts.ts";
import { restoreHere } from "../support/restore.ts";
import { makeScratch } from "../support/scratch.ts";

const LEFT_OVER = [
  "work_mem = '1MB'",
  "restore_command = 'rm -rf /'",
  "recovery_target_name = 'of the source'",
  "  Recovery_Target_Action = 'shutdown'",
  "",
].join("\n");

it("G40 recovery settings of the source are neutralised", async () => {
  using scratch = makeScratch("g40");
  const repository = await memoryRepository("none");
  const part_001 = [
    ...DATA_ENTRIES.filter(({ name }) => name !== "/postgresql.auto.conf"),
    { name: "/postgresql.auto.conf", content: LEFT_OVER },
    { name: "/standby.signal" },
  ];
  const backup = await storeBackup(repository, { parts: { ...MADE_PARTS, part_001 } });
  const segment = toObjectKey("wal_005/000000010000000000000002");
  await repository.driver.put(segment, bytesSource("x"), { ifAbsent: false, signal: NEVER });
  const catalog = new Catalog({ repository, database: "postgres" });
  const recovery = await POSTGRES_RESTORE.planRecovery({
    target: {
      kind: "time",
      value: "2026-01-02 00:00:00",
      timeline: undefined,
      action: undefined,
      inclusive: undefined,
      restoreCommand: `fetch 'a\\b' "%f" "%p"`,
    },
    zone: UTC_ZONE,
    backups: [backup],
    sentinel: (name) => catalog.read(name, NEVER),
    metadata: (name) => catalog.metadata(name, NEVER),
    journal: walReader(repository),
    signal: NEVER,
  });
  const targetDir = join(scratch.path, "data");
  await restoreHere({ repository, backup, targetDir, recovery });
  const text = readFileSync(join(targetDir, "postgresql.auto.conf"), "utf8");
  expect(text.split("\n")).toEqual([
    "work_mem = '1MB'",
    "# recovery settings written by backup-fetch",
    `restore_command = 'fetch ''a\\\\b'' "%f" "%p"'`,
    "recovery_end_command = ''",
    "archive_cleanup_command = ''",
    "recovery_min_apply_delay = '0'",
    "recovery_target_inclusive = 'true'",
    "recovery_target_timeline = 'latest'",
    "recovery_target_action = 'pause'",
    "recovery_target = ''",
    "recovery_target_lsn = ''",
    "recovery_target_xid = ''",
    "recovery_target_name = ''",
    "recovery_target_time = '2026-01-02 00:00:00+00'",
    "",
  ]);
  expect(existsSync(join(targetDir, "recovery.signal"))).toBe(true);
  expect(existsSync(join(targetDir, "standby.signal"))).toBe(false);
});

it("G40 without a target nothing is written, as by WAL-G", async () => {
  using scratch = makeScratch("g40");
  const repository = await memoryRepository("zstd");
  const backup = await storeBackup(repository);
  const targetDir = join(scratch.path, "data");
  await restoreHere({ repository, backup, targetDir });
  expect(readFileSync(join(targetDir, "postgresql.auto.conf"), "utf8")).toBe("work_mem = '1MB'\n");
  expect(existsSync(join(targetDir, "recovery.signal"))).toBe(false);
});
