import type { DatabaseKind } from "../base/database-kind.ts";
import type { BackupName } from "./backup-name.ts";

/**
 * The JSON object whose presence means that a backup is complete: WAL-G's document of that
 * database (64-bit numbers as bigint). Fields that we do not know are kept as read.
 */
export interface Sentinel {
  readonly name: BackupName;
  readonly database: DatabaseKind;
  readonly document: Readonly<Record<string, unknown>>;
}
