import { type Setting, section } from "./setting.ts";

function toCome(key: string) {
  const idleBecause = "this database is not supported yet";
  return { key, form: "walg", kind: "text", status: "idle", idleBecause } as const;
}

function mysql(key: string, example: string, help: string): Setting {
  return { ...toCome(`MYSQL_${key}`), database: "mysql", example, help };
}

function redis(key: string, example: string, help: string): Setting {
  return { ...toCome(`REDIS_${key}`), database: "redis", example, help };
}

export const MYSQL_SETTINGS = section("mysql", [
  {
    ...mysql("DATASOURCE_NAME", "backup:secret@tcp(localhost:3306)/mysql", "How to connect"),
    isSecret: true,
  },
  mysql("SSL_CA", "/etc/mysql/ca.pem", "Certificates that the server's is checked against"),
  mysql("BACKUP_PREPARE_COMMAND", "mariadb-backup --prepare", "Run after a restore"),
  mysql("BINLOG_REPLAY_COMMAND", "mysqlbinlog - | mysql", "Replays one binlog"),
  mysql("BINLOG_DST", "/var/lib/mysql-binlogs", "Where binlog-fetch puts binlogs"),
  {
    ...mysql("CHECK_GTIDS", "true", "Leave out binlogs whose transactions are stored"),
    kind: "flag",
    default: "false",
  },
  mysql("BINLOG_SERVER_HOST", "127.0.0.1", "Address of binlog-server"),
  mysql("BINLOG_SERVER_PORT", "3307", "Port of binlog-server"),
  mysql("BINLOG_SERVER_USER", "walg", "User of binlog-server"),
  { ...mysql("BINLOG_SERVER_PASSWORD", "secret", "Password of binlog-server"), isSecret: true },
  mysql("BINLOG_SERVER_ID", "99", "Server id of binlog-server"),
  {
    ...mysql("BINLOG_SERVER_REPLICA_SOURCE", "root:secret@tcp(db2)/", "Replica to watch"),
    isSecret: true,
  },
  { ...mysql("INCREMENTAL_BACKUP_DST", "/tmp", "Where increments are unpacked"), default: "/tmp" },
  mysql("DATA_DIR", "/var/lib/mysql", "Data directory"),
]);

export const REDIS_SETTINGS = section("redis", [
  redis("HOST", "127.0.0.1", "Host to connect to"),
  redis("PORT", "6379", "Port to connect to"),
  redis("DB", "0", "Database number"),
  redis("USERNAME", "backup", "User to connect as"),
  { ...redis("PASSWORD", "secret", "Password"), isSecret: true },
  { ...redis("DATA_PATH", "/var/lib/redis", "Data directory"), default: "/var/lib/redis" },
  { ...redis("APPENDONLY_PATH", "appendonlydir", "AOF directory"), default: "appendonlydir" },
  {
    ...redis("APPENDONLY_MANIFEST", "appendonly.aof.manifest", "AOF manifest"),
    default: "appendonly.aof.manifest",
  },
  {
    ...redis("APPENDONLY_TEMP_MANIFEST", "/var/lib/redis/wal-g/", "Where its copy is kept"),
    default: "/var/lib/redis/wal-g/",
  },
  {
    ...redis("TS_PIN_FOLDER", "/var/lib/redis/ext/wal-g-pin/", "Where time series are pinned"),
    default: "/var/lib/redis/ext/wal-g-pin/",
  },
  {
    ...redis("DATA_THRESHOLD", "90", "Percent of the disk that may be in use"),
    kind: "whole",
    min: 0,
    default: "90",
  },
  {
    ...redis("DATA_TIMEOUT", "1", "Seconds between looks at the disk"),
    kind: "whole",
    default: "1",
  },
  {
    ...redis("SERVER_PROCESS_NAME", "redis-server", "Process that must not run in a restore"),
    default: "redis-server",
  },
  { ...redis("FQDN_TO_ID_MAP", '{"db1": "0"}', "Host name to shard, as JSON"), default: "{}" },
  {
    ...redis("CLUSTER_CONF_PATH", "/etc/redis/cluster.conf", "Cluster configuration"),
    default: "/etc/redis/cluster.conf",
  },
]);

function retired(key: string, form: "walg" | "plain", help: string): Setting {
  return { key, form, kind: "text", status: "retired", example: "", help };
}

/** Keys of WAL-G that have no meaning here: its runtime's, its hooks', and what it retired. */
export const RETIRED_SETTINGS = section("retired", [
  retired("MYSQL_TAKE_BINLOGS_FROM_MASTER", "walg", "Without use in WAL-G too"),
  retired("MYSQL_CURRENT_BINLOG", "walg", "Set for the replay command, not for us"),
  retired("MYSQL_BINLOG_END_TS", "walg", "Set for the replay command, not for us"),
  retired("MYSQL_BINLOG_START_POSITION", "walg", "Set for the replay command, not for us"),
  retired("MYSQL_BINLOG_LAST_GTID", "walg", "Set for the replay command, not for us"),
  retired("SERIALIZER_TYPE", "walg", "Choice of WAL-G's JSON encoder"),
  retired("PROFILE_SAMPLING_RATIO", "plain", "Profiling of Go programs"),
  retired("PROFILE_MODE", "plain", "Profiling of Go programs"),
  retired("PROFILE_PATH", "plain", "Profiling of Go programs"),
  retired("HTTP_LISTEN", "plain", "Debug server of Go programs"),
  retired("HTTP_EXPOSE_PPROF", "plain", "Debug server of Go programs"),
  retired("HTTP_EXPOSE_EXPVAR", "plain", "Debug server of Go programs"),
  retired("GOMAXPROCS", "plain", "Threads of Go programs"),
  retired("GODEBUG", "plain", "Debugging of Go programs"),
]);
