// Proves the getters, and that a child process gets every effective setting under each name that
// it would look at.
import { expect, test } from "vitest";
import type { EffectiveSettings } from "../../../src/config/effective-settings.ts";
import { defaultSettings, loadSettings, readOutsideSettings } from "../../../src/config/load.ts";
import type { Environment } from "../../../src/config/sources.ts";

function settingsOf(
  environment: Environment,
  flags: readonly (readonly [string, string])[] = [],
): EffectiveSettings {
  const outside = readOutsideSettings({
    environment,
    configPath: undefined,
    home: () => undefined,
  });
  return loadSettings({ outside, flags, isWalg: false, isStrict: false }).settings;
}

test("reads each kind", () => {
  const settings = settingsOf({
    WALG_TAR_DISABLE_FSYNC: "T",
    WALG_UPLOAD_CONCURRENCY: "3",
    WALG_FAILOVER_STORAGES_CHECK_SIZE: "2mb",
    TIDEMARK_ARCHIVE_TIMEOUT: "1m30s",
    WALG_DELTA_FROM_NAME: "base_000000010000000000000007",
    WALG_LOG_LEVEL: "devel",
  });
  expect(settings.flag("TAR_DISABLE_FSYNC")).toBe(true);
  expect(settings.whole("UPLOAD_CONCURRENCY")).toBe(3);
  expect(settings.whole("FAILOVER_STORAGES_CHECK_SIZE")).toBe(2 * 1024 * 1024);
  expect(settings.durationMs("ARCHIVE_TIMEOUT")).toBe(90_000);
  expect(settings.text("DELTA_FROM_NAME")).toBe("base_000000010000000000000007");
  expect(settings.text("LOG_LEVEL")).toBe("DEVEL");
});

test("gives defaults, and undefined or false where there is none", () => {
  const settings = settingsOf({});
  expect(settings.whole("BUFFER_BUDGET")).toBe(67_108_864);
  expect(settings.durationMs("FETCH_RETRY_BUDGET")).toBe(30_000);
  expect(settings.flag("ARCHIVE_CHECK")).toBe(true);
  expect(settings.flag("PREVENT_WAL_OVERWRITE")).toBe(false);
  expect(settings.whole("DISK_RATE_LIMIT")).toBeUndefined();
  expect(settings.text("S3_PREFIX")).toBeUndefined();
});

test("takes full names as keys, and fails on a key that is in no table or of another kind", () => {
  const settings = settingsOf({ TIDEMARK_ZSTD_ENGINE: "builtin" });
  expect(settings.text("TIDEMARK_ZSTD_ENGINE")).toBe("builtin");
  expect(settings.text("ZSTD_ENGINE")).toBe("builtin");
  expect(() => settings.text("NO_SUCH_KEY")).toThrow("setting NO_SUCH_KEY in the table");
  expect(() => settings.flag("PGHOST")).toThrow("another kind");
});

test("hands the environment on, with settings under every name that the child would find", () => {
  const environment = { PATH: "/bin", TIDEMARK_S3_PREFIX: "s3://env", WALE_S3_PREFIX: "s3://old" };
  const child = settingsOf(environment, [["WALG_S3_PREFIX", "s3://flag"]]).childEnvironment();
  expect(child).toMatchObject({
    PATH: "/bin",
    TIDEMARK_S3_PREFIX: "s3://flag",
    WALG_S3_PREFIX: "s3://flag",
    WALE_S3_PREFIX: "s3://flag",
    WALG_COMPRESSION_METHOD: "zstd",
    TIDEMARK_BUFFER_BUDGET: "67108864",
  });
  const again = settingsOf(child);
  expect(again.text("S3_PREFIX")).toBe("s3://flag");
});

test("gives a child no warning to make and no value to lose", () => {
  const environment = {
    WALG_UPLOAD_CONCURRENCY: "5",
    AWS_ACCESS_KEY: "AKIA",
    https_proxy: "http://p",
  };
  const outside = readOutsideSettings({
    environment: settingsOf(environment).childEnvironment(),
    configPath: undefined,
    home: () => undefined,
  });
  const { settings, warnings } = loadSettings({ outside, flags: [], isWalg: true, isStrict: true });
  expect(warnings).toEqual([]);
  expect(settings.whole("UPLOAD_CONCURRENCY")).toBe(5);
  expect(settings.text("AWS_ACCESS_KEY_ID")).toBe("AKIA");
  expect(settings.text("HTTPS_PROXY")).toBe("http://p");
  expect(settings.text("COMPRESSION_METHOD")).toBe("zstd");
});

test("gives a child a map that came by a flag, and leaves others where they were", () => {
  const map = '{"second": {}}';
  const given = settingsOf({}, [["WALG_FAILOVER_STORAGES", map]]).childEnvironment();
  expect(given["WALG_FAILOVER_STORAGES"]).toBe(map);
  const found = settingsOf({ TIDEMARK_FAILOVER_STORAGES: map }).childEnvironment();
  expect(found["TIDEMARK_FAILOVER_STORAGES"]).toBe(map);
  expect(found["WALG_FAILOVER_STORAGES"]).toBeUndefined();
});

test("keeps retired keys out of what is exported but leaves the variable itself", () => {
  const child = settingsOf({ GOMAXPROCS: "2" }).childEnvironment();
  expect(child["GOMAXPROCS"]).toBe("2");
  expect(child["WALG_SERIALIZER_TYPE"]).toBeUndefined();
});

test("lists the secrets that were given", () => {
  expect(settingsOf({ PGPASSWORD: "hush", PGHOST: "h" }).secrets()).toEqual(["hush"]);
  expect(defaultSettings(false, {}).secrets()).toEqual([]);
  const second = { AWS_SECRET_ACCESS_KEY: "hush", WALG_S3_PREFIX: "s3://b" };
  const map = JSON.stringify({ second, third: { ssh_password: "quiet" } });
  expect(settingsOf({ WALG_FAILOVER_STORAGES: map }).secrets()).toEqual(["hush", "quiet"]);
});

test("lists every effective setting with origin and name", () => {
  const entries = settingsOf({ WALE_S3_PREFIX: "s3://x" }).entries();
  const named = entries.find(({ setting }) => setting.key === "S3_PREFIX");
  expect(named).toMatchObject({ value: "s3://x", origin: "environment", name: "WALE_S3_PREFIX" });
  const usual = entries.find(({ setting }) => setting.key === "SLOTNAME");
  expect(usual).toMatchObject({ value: "walg", origin: "default", name: "WALG_SLOTNAME" });
});
