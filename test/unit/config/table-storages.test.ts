// Proves that each documented key of this section is in it, with its default.
import { expect, test } from "vitest";
import { findSetting } from "../../../src/config/table.ts";
import {
  FAILOVER_SETTINGS,
  FILE_SETTINGS,
  OTHER_STORAGE_SETTINGS,
  SFTP_SETTINGS,
} from "../../../src/config/table-storages.ts";

const ROWS = [FAILOVER_SETTINGS, FILE_SETTINGS, OTHER_STORAGE_SETTINGS, SFTP_SETTINGS].flatMap(
  ({ settings }) => settings,
);

const DOCUMENTED: readonly (readonly [string, string | undefined])[] = [
  ["WALG_FILE_PREFIX", undefined],
  ["WALE_FILE_PREFIX", undefined],
  ["TIDEMARK_STORAGE_URL", undefined],
  ["WALG_STORAGE_PREFIX", undefined],
  ["WALG_TARGET_STORAGE", undefined],
  ["WALG_SSH_PREFIX", undefined],
  ["SSH_PORT", "22"],
  ["SSH_USERNAME", undefined],
  ["SSH_PASSWORD", undefined],
  ["SSH_PRIVATE_KEY_PATH", undefined],
  ["TIDEMARK_SSH_PRIVATE_KEY_PASSPHRASE", undefined],
  ["TIDEMARK_SSH_KNOWN_HOSTS", undefined],
  ["TIDEMARK_SSH_HOST_KEY_CHECK", "true"],
  ["TIDEMARK_SSH_CONNECTIONS_MAX", "4"],
  ["TIDEMARK_SSH_MAX_RETRIES", "15"],
  ["WALG_SWIFT_PREFIX", undefined],
  ["WALG_OSS_PREFIX", undefined],
  ["WALG_OSS_ACCESS_KEY_SECRET", undefined],
  ["WALG_FAILOVER_STORAGES", undefined],
  ["WALG_FAILOVER_STORAGES_CHECK", "true"],
  ["WALG_FAILOVER_STORAGES_CHECK_TIMEOUT", "30s"],
  ["WALG_FAILOVER_STORAGES_CHECK_SIZE", "1mb"],
  ["WALG_FAILOVER_STORAGES_CACHE_LIFETIME", "15m"],
  ["TIDEMARK_FAILOVER_STORAGES_CACHE_DIR", undefined],
  ["WALG_FAILOVER_STORAGES_CACHE_EMA_ALIVE_LIMIT", "0.99"],
  ["WALG_FAILOVER_STORAGES_CACHE_EMA_DEAD_LIMIT", "0.88"],
  ["WALG_FAILOVER_STORAGES_CACHE_EMA_ALPHA_ALIVE_MAX", "0.05"],
  ["WALG_FAILOVER_STORAGES_CACHE_EMA_ALPHA_ALIVE_MIN", "0.01"],
  ["WALG_FAILOVER_STORAGES_CACHE_EMA_ALPHA_DEAD_MAX", "0.5"],
  ["WALG_FAILOVER_STORAGES_CACHE_EMA_ALPHA_DEAD_MIN", "0.1"],
];

test.each(DOCUMENTED)("knows %s with default %s", (name, usual) => {
  const setting = findSetting(name)?.setting;
  expect(ROWS).toContain(setting);
  expect(setting?.default).toBe(usual);
});

test("refuses the storages that are missing", () => {
  const missing = ROWS.filter(({ status }) => status === "missing").map(({ key }) => key);
  expect(missing).toContain("SWIFT_PREFIX");
  expect(missing).not.toContain("FAILOVER_STORAGES");
  expect(missing.filter((key) => key.startsWith("OSS_"))).toHaveLength(13);
});
