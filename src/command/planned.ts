import type { DatabaseKind } from "../base/database-kind.ts";

/**
 * Commands that users of WAL-G know and that this version lacks. They count when the database is
 * told from the command, and calling one gives a clear answer instead of "unknown command".
 */
export const PLANNED_COMMANDS: Readonly<Record<string, readonly DatabaseKind[]>> = {
  "backup-mark": ["postgres", "mysql"],
  delete: ["postgres", "mysql", "redis"],
  copy: ["mysql", "redis"],
  "wal-show": ["postgres"],
  "wal-verify": ["postgres"],
  "wal-receive": ["postgres"],
  pgbackrest: ["postgres"],
  daemon: ["postgres"],
  "backup-push": ["mysql", "redis"],
  "backup-fetch": ["mysql", "redis"],
  "backup-list": ["mysql", "redis"],
  "xtrabackup-push": ["mysql"],
  "binlog-push": ["mysql"],
  "binlog-fetch": ["mysql"],
  "binlog-replay": ["mysql"],
  "binlog-server": ["mysql"],
  "binlog-list": ["mysql"],
  "binlog-find": ["mysql"],
  "get-stream": ["mysql"],
  "backup-copy": ["mysql"],
  xb: ["mysql"],
  "backup-info": ["redis"],
  "backup-delete": ["redis"],
};
