// Proves each object key against WAL-G's layout, and that only sentinels are taken for sentinels.
import { describe, expect, test } from "vitest";
import { toBackupName } from "../../../src/catalog/backup-name.ts";
import {
  backupObjectKey,
  backupOfSentinel,
  backupPrefix,
  FILES_METADATA_NAME,
  metadataKey,
  partsPrefix,
  receiptsKey,
  sentinelKey,
  suffixOf,
  walBaseKey,
} from "../../../src/catalog/storage-layout.ts";

const NAME = toBackupName("base_000000010000000000000002");

describe("storage layout", () => {
  test("puts each object where WAL-G looks for it", () => {
    expect([
      sentinelKey(NAME),
      metadataKey(NAME),
      backupObjectKey(NAME, FILES_METADATA_NAME),
      receiptsKey(NAME),
      backupObjectKey(NAME, "tar_partitions/part_001.tar.zst"),
      backupPrefix(NAME),
      partsPrefix(NAME),
      walBaseKey("00000002.history"),
    ]).toEqual([
      "basebackups_005/base_000000010000000000000002_backup_stop_sentinel.json",
      "basebackups_005/base_000000010000000000000002/metadata.json",
      "basebackups_005/base_000000010000000000000002/files_metadata.json",
      "basebackups_005/base_000000010000000000000002/receipts.bin",
      "basebackups_005/base_000000010000000000000002/tar_partitions/part_001.tar.zst",
      "basebackups_005/base_000000010000000000000002/",
      "basebackups_005/base_000000010000000000000002/tar_partitions/",
      "wal_005/00000002.history",
    ]);
  });

  test("keeps the receipts out of reach of those that read parts and sentinels", () => {
    expect(receiptsKey(NAME).startsWith(partsPrefix(NAME))).toBe(false);
    expect(backupOfSentinel(receiptsKey(NAME))).toBeUndefined();
  });

  test("reads the name of a backup from the key of its sentinel", () => {
    expect(backupOfSentinel(sentinelKey(NAME))).toBe(NAME);
  });

  test.each([
    "basebackups_005/_backup_stop_sentinel.json",
    "basebackups_005/a/b_backup_stop_sentinel.json",
    "basebackups_005/a_backup_stop_sentinel.json.tmp",
    "basebackups_005/a/metadata.json",
    "wal_005/a_backup_stop_sentinel.json",
    "x/basebackups_005/a_backup_stop_sentinel.json",
  ])("does not take %s for a sentinel", (key) => {
    expect(backupOfSentinel(key)).toBeUndefined();
  });

  test("joins an extension with a dot, and none without", () => {
    expect([suffixOf("zst"), suffixOf("")]).toEqual([".zst", ""]);
  });
});
