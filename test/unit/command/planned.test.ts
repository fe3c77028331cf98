// Proves that every command of WAL-G's three trees is there or planned, so that none is "unknown".
import { expect, test } from "vitest";
import { databasesWith } from "../../../src/cli/personality.ts";

const WALG_TREES = {
  postgres:
    "backup-push backup-fetch backup-list backup-mark delete wal-push wal-fetch wal-prefetch " +
    "wal-receive wal-restore wal-show wal-verify catchup-push catchup-fetch catchup-list " +
    "catchup-send catchup-receive copy pgbackrest daemon st flags completion help",
  mysql:
    "backup-push xtrabackup-push backup-fetch backup-list backup-mark delete binlog-push " +
    "binlog-fetch binlog-replay binlog-server binlog-list binlog-find get-stream backup-copy " +
    "copy xb st flags completion help",
  redis:
    "backup-push backup-fetch backup-list backup-info backup-delete delete copy st flags " +
    "completion help",
} as const;

test.each(["postgres", "mysql", "redis"] as const)("knows every command for %s", (database) => {
  const unknown = WALG_TREES[database].split(" ").filter((name) => {
    return !databasesWith(name).has(database);
  });
  expect(unknown).toEqual([]);
});
