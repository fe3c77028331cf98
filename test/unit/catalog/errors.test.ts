// Proves the words that scripts look for, and the facts that errors carry.
import { expect, test } from "vitest";
import { ERROR_TABLE } from "../../../src/base/errors.ts";
import { toBackupName } from "../../../src/catalog/backup-name.ts";
import { BackupNotFoundError, BrokenChainError } from "../../../src/catalog/errors.ts";

test("a backup that is not there is named in WAL-G's words", () => {
  expect(BackupNotFoundError.noneAtAll().message).toBe("No backups found");
  expect(BackupNotFoundError.named("base_A").message).toBe("Backup 'base_A' does not exist.");
  expect(ERROR_TABLE[BackupNotFoundError.named("base_A").code].exitCode).toBe(50);
});

test("a broken chain names both ends", () => {
  const error = new BrokenChainError(toBackupName("b"), toBackupName("a"), "is not in storage");
  expect(error.message).toBe("backup b builds on a, which is not in storage");
  expect([error.backup, error.parent, error.code]).toEqual(["b", "a", "broken-chain"]);
});
