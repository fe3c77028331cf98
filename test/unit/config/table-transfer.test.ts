// Proves that each documented key of this section is in it, with its default.
import { expect, test } from "vitest";
import { findSetting, settingOfKey } from "../../../src/config/table.ts";
import { TRANSFER_SETTINGS } from "../../../src/config/table-transfer.ts";

const ROWS = TRANSFER_SETTINGS.settings;

const DOCUMENTED: readonly (readonly [string, string | undefined])[] = [
  ["WALG_DOWNLOAD_CONCURRENCY", "10"],
  ["WALG_UPLOAD_CONCURRENCY", "16"],
  ["UPLOAD_CONCURRENCY", "16"],
  ["WALG_UPLOAD_DISK_CONCURRENCY", "1"],
  ["WALG_UPLOAD_QUEUE", "2"],
  ["WALG_DOWNLOAD_FILE_RETRIES", "15"],
  ["WALG_COMPRESSION_METHOD", "zstd"],
  ["WALG_ZSTD_LEVEL", undefined],
  ["WALG_DISK_RATE_LIMIT", undefined],
  ["WALG_NETWORK_RATE_LIMIT", undefined],
  ["TIDEMARK_WAL_NETWORK_RATE_LIMIT", undefined],
  ["TIDEMARK_BUFFER_BUDGET", "67108864"],
  ["TIDEMARK_ZSTD_ENGINE", "auto"],
];

test.each(DOCUMENTED)("knows %s with default %s", (name, usual) => {
  const setting = findSetting(name)?.setting;
  expect(ROWS).toContain(setting);
  expect(setting?.default).toBe(usual);
});

test("compresses by lz4 when called as wal-g, and lets no concurrency be zero", () => {
  expect(settingOfKey("COMPRESSION_METHOD")?.walgDefault).toBe("lz4");
  for (const key of ["DOWNLOAD_CONCURRENCY", "UPLOAD_CONCURRENCY", "UPLOAD_DISK_CONCURRENCY"]) {
    expect(settingOfKey(key)?.min).toBe(1);
  }
});
