// Proves that each documented key of this section is in it, with its default.
import { expect, test } from "vitest";
import { findSetting } from "../../../src/config/table.ts";
import { WAL_SETTINGS } from "../../../src/config/table-wal.ts";

const ROWS = WAL_SETTINGS.settings;

const DOCUMENTED: readonly (readonly [string, string | undefined])[] = [
  ["WALG_PREVENT_WAL_OVERWRITE", undefined],
  ["WALG_UPLOAD_WAL_METADATA", "NOMETADATA"],
  ["WALG_USE_WAL_DELTA", "false"],
  ["WALG_FORCE_WAL_DELTA", "false"],
  ["TOTAL_BG_UPLOADED_LIMIT", "32"],
  ["WALG_INTEGRITY_MAX_DELAYED_WALS", "0"],
  ["WALG_PREFETCH_DIR", undefined],
  ["PG_READY_RENAME", "false"],
  ["WALG_SLOTNAME", "walg"],
  ["WALG_DAEMON_WAL_UPLOAD_TIMEOUT", "60s"],
  ["TIDEMARK_ARCHIVE_TIMEOUT", "60s"],
  ["TIDEMARK_ARCHIVE_CHECK", "true"],
  ["TIDEMARK_ARCHIVE_QUEUE_MAX", undefined],
  ["TIDEMARK_FETCH_RETRY_BUDGET", "30s"],
];

test.each(DOCUMENTED)("knows %s with default %s", (name, usual) => {
  const setting = findSetting(name)?.setting;
  expect(ROWS).toContain(setting);
  expect(setting?.default).toBe(usual);
});
