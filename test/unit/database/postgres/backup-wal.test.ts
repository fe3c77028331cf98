// Proves from where to where a backup needs WAL, for every size of segments, by made sentinels and
// by those of WAL-G's repositories, whose archives hold just these segments.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { toBackupName } from "../../../../src/catalog/backup-name.ts";
import { decodeSentinel, type Sentinel } from "../../../../src/catalog/sentinel.ts";
import { walOfBackup } from "../../../../src/database/postgres/backup-wal.ts";
import { toLsn } from "../../../../src/delta/lsn.ts";
import { formatSegmentName, segmentAt } from "../../../../src/wal/segment-name.ts";
import { fixtureNames, readFixture } from "../../../support/fixture.ts";

const MIB = 1 << 20;

function sentinelOf(name: string, document: Sentinel["document"]): Sentinel {
  return { name: toBackupName(name), database: "postgres", document };
}

function backup(startLsn: bigint, finishLsn: bigint, segmentBytes: number): Sentinel {
  const segment = formatSegmentName(segmentAt(toLsn(startLsn), 3, segmentBytes), segmentBytes);
  return sentinelOf(`base_${segment}`, { LSN: startLsn, FinishLSN: finishLsn, PgVersion: 170000 });
}

test("learns the size of segments from the start", () => {
  for (let bytes = MIB; bytes <= 1024 * MIB; bytes *= 2) {
    const sentinel = backup(0x7_2000_0028n + 8n * BigInt(bytes), 0x9_0000_0100n, bytes);
    const { segmentBytes, last } = walOfBackup(sentinel, 16 * MIB);
    expect(segmentBytes).toBe(bytes);
    expect(last).toBe(formatSegmentName(segmentAt(toLsn(0x9_0000_00ffn), 3, bytes), bytes));
  }
});

test("takes the usual size where several fit, and the smallest where it does not", () => {
  expect(walOfBackup(backup(0x28n, 0x100n, 64 * MIB), 32 * MIB).segmentBytes).toBe(32 * MIB);
  expect(walOfBackup(backup(0x128_0000n, 0x128_0100n, MIB), 16 * MIB).segmentBytes).toBe(MIB);
});

test("an end at the first byte of a segment needs the one before", () => {
  const { first, last } = walOfBackup(backup(0x200_0028n, 0x300_0000n, 16 * MIB), 16 * MIB);
  expect([first, last]).toEqual(["000000030000000000000002", "000000030000000000000002"]);
});

test("refuses a sentinel that does not fit its name, or says too little", () => {
  const { document } = backup(0x200_0028n, 0x300_0000n, 16 * MIB);
  const refuse = (name: string, change: Sentinel["document"]) =>
    expect(() => walOfBackup(sentinelOf(name, { ...document, ...change }), 16 * MIB)).toThrow(
      /sentinel of/,
    );
  refuse("base_0000000300000000000000FF", {});
  refuse("base_000000030000000000000002", { FinishLSN: null });
  refuse("base_x", {});
});

describe("backups of WAL-G", () => {
  const cases = fixtureNames().flatMap((name) => {
    const { source, backups } = readFixture(name);
    const folder = join(source, "repo/basebackups_005");
    return existsSync(folder) ? backups.map((one) => ({ name, source, backup: one.name })) : [];
  });
  test.each(cases)("$name: $backup", ({ source, backup: name }) => {
    const key = join(source, `repo/basebackups_005/${name}_backup_stop_sentinel.json`);
    const sentinel = decodeSentinel(toBackupName(name), "postgres", {
      key,
      bytes: readFileSync(key),
    });
    const { first, last } = walOfBackup(sentinel, 16 * MIB);
    const archived = readdirSync(join(source, "repo/wal_005"));
    for (const segment of [first, last]) {
      expect(archived.some((object) => object.startsWith(segment))).toBe(true);
    }
  });
});
