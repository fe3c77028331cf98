import { ToolError } from "../base/errors.ts";
import type { BackupName } from "./backup-name.ts";

/** No backup matches. The first words are those that scripts know from WAL-G. */
export class BackupNotFoundError extends ToolError {
  constructor(message: string) {
    super({
      code: "backup-not-found",
      message,
      hint: "backup-list shows what the storage holds; check the storage prefix too.",
    });
  }

  static noneAtAll(): BackupNotFoundError {
    return new BackupNotFoundError("No backups found");
  }

  static named(name: string): BackupNotFoundError {
    // With WAL-G's full stop: scripts compare the whole line.
    return new BackupNotFoundError(`Backup '${name}' does not exist.`);
  }

  static withUserData(text: string): BackupNotFoundError {
    return new BackupNotFoundError(`No backups found with user data ${text}`);
  }
}

/** An increment whose parent is gone, or whose chain leads back to itself. */
export class BrokenChainError extends ToolError {
  readonly backup: BackupName;
  readonly parent: BackupName;

  constructor(backup: BackupName, parent: BackupName, detail: string) {
    super({
      code: "broken-chain",
      message: `backup ${backup} builds on ${parent}, which ${detail}`,
      hint: "The increment cannot be restored; choose a backup whose chain is whole.",
    });
    this.backup = backup;
    this.parent = parent;
  }
}
