// Proves that a recovery target picks the newest backup that ends before it, or fails: by time, by
// LSN, along timelines, and only when the backup's first WAL segment is stored.
import { describe, expect, it } from "vitest";
import { UTC_ZONE } from "../../src/base/local-zone.ts";
import { toBackupName } from "../../src/catalog/backup-name.ts";
import { Catalog } from "../../src/catalog/catalog.ts";
import type { RecoveryTarget } from "../../src/database/adapter.ts";
import { walReader } from "../../src/database/journal-reader.ts";
import { POSTGRES_RESTORE } from "../../src/database/postgres/restore-adapter.ts";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { bytesSource } from "../../src/stream/byte-stream.ts";
import { storeBackup } from "../support/made-backup.ts";
import { memoryRepository } from "../support/memory-repository.ts";
import { NEVER } from "../support/receipts.ts";

const FIRST = "base_000000010000000000000002";
const SECOND = "base_000000010000000000000005";
const BRANCHED = "base_000000020000000000000008";

/** Three backups, an hour apart; the third on timeline 2, which leaves timeline 1 at 0/7000000. */
async function archive(without: readonly string[] = []) {
  const repository = await memoryRepository("none");
  const put = async (key: string, content: string) => {
    if (without.some((name) => key.endsWith(name))) return;
    const options = { ifAbsent: false, signal: NEVER };
    await repository.driver.put(toObjectKey(key), bytesSource(content), options);
  };
  for (const [index, name] of [FIRST, SECOND, BRANCHED].entries()) {
    const lsn = [0x2000028, 0x5000028, 0x8000028][index] ?? 0;
    const sentinel = {
      LSN: lsn,
      FinishLSN: lsn + 0x100,
      FinishTime: `2026-01-01T1${index}:30:00.5Z`,
    };
    await storeBackup(repository, { name, sentinel });
    await put(`wal_005/${name.slice("base_".length)}`, "wal");
  }
  await put("wal_005/00000002.history", "1\t0/7000000\tpromoted\n");
  return repository;
}

async function chosen(
  target: Partial<RecoveryTarget> & Pick<RecoveryTarget, "kind" | "value">,
  options: { readonly without?: readonly string[]; readonly backups?: readonly string[] } = {},
): Promise<string> {
  const repository = await archive(options.without);
  const catalog = new Catalog({ repository, database: "postgres" });
  const plan = await POSTGRES_RESTORE.planRecovery({
    target: {
      timeline: undefined,
      action: undefined,
      inclusive: undefined,
      restoreCommand: "fetch",
      ...target,
    },
    zone: UTC_ZONE,
    backups: (options.backups ?? [FIRST, SECOND, BRANCHED]).map(toBackupName),
    sentinel: (name) => catalog.read(name, NEVER),
    metadata: (name) => catalog.metadata(name, NEVER),
    journal: walReader(repository),
    signal: NEVER,
  });
  return plan.backup;
}

describe("G39 the backup for a recovery target", () => {
  it.each([
    ["2026-01-01 10:30:00.5", FIRST],
    ["2026-01-01 11:30:00.499999", FIRST],
    ["2026-01-01 11:30:00.5+00", SECOND],
    ["2026-01-01T12:29:59+01:00", FIRST],
    ["2026-01-02 00:00", BRANCHED],
  ])("G39 for time %s is the newest one that had ended", async (value, backup) => {
    expect(await chosen({ kind: "time", value })).toBe(backup);
  });

  it.each([
    ["0/2000128", FIRST],
    ["0/5000127", FIRST],
    ["0/5000128", SECOND],
    ["1/0", BRANCHED],
  ])("G39 for LSN %s is the newest one that had ended", async (value, backup) => {
    expect(await chosen({ kind: "lsn", value })).toBe(backup);
  });

  it.each([
    ["name", "point"],
    ["xid", "700"],
    ["immediate", ""],
  ] as const)("G39 for %s it is the newest one", async (kind, value) => {
    expect(await chosen({ kind, value })).toBe(BRANCHED);
  });

  it("G39 lies on the target's timeline", async () => {
    const after = { kind: "time", value: "2026-01-02 00:00" } as const;
    expect(await chosen({ ...after, timeline: "1" })).toBe(SECOND);
    expect(await chosen({ ...after, timeline: "2" })).toBe(BRANCHED);
    expect(await chosen({ ...after, timeline: "latest" }, { backups: [FIRST] })).toBe(FIRST);
    const current = { ...after, timeline: "current" };
    expect(await chosen(current, { backups: [FIRST, SECOND] })).toBe(SECOND);
  });

  it.each<[string, Parameters<typeof chosen>]>([
    ["before every backup in time", [{ kind: "time", value: "2026-01-01 10:30:00.499" }]],
    ["before every backup in the WAL", [{ kind: "lsn", value: "0/2000127" }]],
    ["on a timeline without history", [{ kind: "immediate", value: "", timeline: "3" }]],
    [
      "on a timeline whose history is not stored",
      [
        { kind: "immediate", value: "", timeline: "2" },
        { without: [".history"], backups: [FIRST] },
      ],
    ],
    [
      "on a timeline that left before the backup",
      [{ kind: "immediate", value: "", timeline: "1" }, { backups: [BRANCHED] }],
    ],
    [
      "before the end of the backup that was named",
      [{ kind: "lsn", value: "0/4000000" }, { backups: [SECOND] }],
    ],
  ])("G39 there is none for a target %s", async (_title, call) => {
    await expect(chosen(...call)).rejects.toMatchObject({ code: "target-unreachable" });
  });

  it("G39 a backup whose first WAL segment is not stored does not count", async () => {
    const without = ["wal_005/000000010000000000000005"];
    const target = { kind: "time", value: "2026-01-01 12:00" } as const;
    expect(await chosen(target, { without })).toBe(FIRST);
    const only = chosen(target, { without, backups: [SECOND] });
    await expect(only).rejects.toThrow("000000010000000000000005, which is not stored");
  });

  it("G39 a history that left before the backup's end is no way to the target", async () => {
    const target = { kind: "immediate", value: "", timeline: "2" } as const;
    expect(await chosen(target, { backups: [SECOND] })).toBe(SECOND);
  });
});
