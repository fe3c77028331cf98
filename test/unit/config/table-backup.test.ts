// Proves that each documented key of this section is in it, with its default.
import { expect, test } from "vitest";
import { findSetting } from "../../../src/config/table.ts";
import { BACKUP_SETTINGS } from "../../../src/config/table-backup.ts";

const ROWS = BACKUP_SETTINGS.settings;

const DOCUMENTED: readonly (readonly [string, string | undefined])[] = [
  ["WALG_DELTA_MAX_STEPS", "0"],
  ["WALG_DELTA_ORIGIN", "LATEST"],
  ["WALG_DELTA_FROM_NAME", undefined],
  ["WALG_DELTA_FROM_USER_DATA", undefined],
  ["WALG_FETCH_TARGET_USER_DATA", undefined],
  ["WALG_SENTINEL_USER_DATA", undefined],
  ["WALG_TAR_SIZE_THRESHOLD", "1073741823"],
  ["WALG_TAR_DISABLE_FSYNC", "false"],
  ["WALG_USE_REVERSE_UNPACK", "false"],
  ["WALG_SKIP_REDUNDANT_TARS", "false"],
  ["WALG_VERIFY_PAGE_CHECKSUMS", "true"],
  ["WALG_STORE_ALL_CORRUPT_BLOCKS", "false"],
  ["WALG_USE_RATING_COMPOSER", "false"],
  ["WALG_USE_COPY_COMPOSER", "false"],
  ["WALG_USE_DATABASE_COMPOSER", "false"],
  ["WALG_WITHOUT_FILES_METADATA", "false"],
  ["WALG_DISABLE_PARTIAL_RESTORE", "false"],
  ["WALG_STREAM_CREATE_COMMAND", undefined],
  ["WALG_STREAM_RESTORE_COMMAND", undefined],
  ["WALG_STREAM_SPLITTER_PARTITIONS", undefined],
  ["WALG_STREAM_SPLITTER_BLOCK_SIZE", "1048576"],
  ["WALG_STREAM_SPLITTER_MAX_FILE_SIZE", undefined],
  ["WALG_BACKUP_DOWNLOAD_MAX_RETRY", "1"],
  ["WALG_BACKUP_DOWNLOAD_MAX_RETRIES", "1"],
  ["WALG_DIRECT_IO", "false"],
  ["WALG_DIRECT_IO_BLOCK_COUNT", "32"],
];

test.each(DOCUMENTED)("knows %s with default %s", (name, usual) => {
  const setting = findSetting(name)?.setting;
  expect(ROWS).toContain(setting);
  expect(setting?.default).toBe(usual);
});
