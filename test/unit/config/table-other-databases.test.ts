// Proves that each documented key of this section is in it, with its default.
import { expect, test } from "vitest";
import { findSetting, settingOfKey } from "../../../src/config/table.ts";
import {
  MYSQL_SETTINGS,
  REDIS_SETTINGS,
  RETIRED_SETTINGS,
} from "../../../src/config/table-other-databases.ts";

const ROWS = [MYSQL_SETTINGS, REDIS_SETTINGS, RETIRED_SETTINGS].flatMap(({ settings }) => settings);

const DOCUMENTED: readonly (readonly [string, string | undefined])[] = [
  ["WALG_MYSQL_DATASOURCE_NAME", undefined],
  ["WALG_MYSQL_SSL_CA", undefined],
  ["WALG_MYSQL_BACKUP_PREPARE_COMMAND", undefined],
  ["WALG_MYSQL_BINLOG_REPLAY_COMMAND", undefined],
  ["WALG_MYSQL_BINLOG_DST", undefined],
  ["WALG_MYSQL_CHECK_GTIDS", "false"],
  ["WALG_MYSQL_TAKE_BINLOGS_FROM_MASTER", undefined],
  ["WALG_MYSQL_BINLOG_SERVER_HOST", undefined],
  ["WALG_MYSQL_BINLOG_SERVER_PORT", undefined],
  ["WALG_MYSQL_BINLOG_SERVER_USER", undefined],
  ["WALG_MYSQL_BINLOG_SERVER_PASSWORD", undefined],
  ["WALG_MYSQL_BINLOG_SERVER_ID", undefined],
  ["WALG_MYSQL_BINLOG_SERVER_REPLICA_SOURCE", undefined],
  ["WALG_MYSQL_INCREMENTAL_BACKUP_DST", "/tmp"],
  ["WALG_MYSQL_DATA_DIR", undefined],
  ["WALG_REDIS_USERNAME", undefined],
  ["WALG_REDIS_PASSWORD", undefined],
  ["WALG_REDIS_DATA_PATH", "/var/lib/redis"],
  ["WALG_REDIS_APPENDONLY_PATH", "appendonlydir"],
  ["WALG_REDIS_APPENDONLY_MANIFEST", "appendonly.aof.manifest"],
  ["WALG_REDIS_APPENDONLY_TEMP_MANIFEST", "/var/lib/redis/wal-g/"],
  ["WALG_REDIS_TS_PIN_FOLDER", "/var/lib/redis/ext/wal-g-pin/"],
  ["WALG_REDIS_DATA_THRESHOLD", "90"],
  ["WALG_REDIS_DATA_TIMEOUT", "1"],
  ["WALG_REDIS_SERVER_PROCESS_NAME", "redis-server"],
  ["WALG_REDIS_FQDN_TO_ID_MAP", "{}"],
  ["WALG_REDIS_CLUSTER_CONF_PATH", "/etc/redis/cluster.conf"],
  ["WALG_REDIS_HOST", undefined],
  ["WALG_REDIS_PORT", undefined],
  ["WALG_REDIS_DB", undefined],
  ["WALG_SERIALIZER_TYPE", undefined],
  ["PROFILE_SAMPLING_RATIO", undefined],
  ["PROFILE_MODE", undefined],
  ["PROFILE_PATH", undefined],
  ["HTTP_LISTEN", undefined],
  ["HTTP_EXPOSE_PPROF", undefined],
  ["HTTP_EXPOSE_EXPVAR", undefined],
  ["GOMAXPROCS", undefined],
  ["GODEBUG", undefined],
];

test.each(DOCUMENTED)("knows %s with default %s", (name, usual) => {
  const setting = findSetting(name)?.setting;
  expect(ROWS).toContain(setting);
  expect(setting?.default).toBe(usual);
});

test("tells the databases apart", () => {
  expect(settingOfKey("MYSQL_DATASOURCE_NAME")?.database).toBe("mysql");
  expect(settingOfKey("REDIS_PASSWORD")?.database).toBe("redis");
  expect(settingOfKey("GOMAXPROCS")?.status).toBe("retired");
});
