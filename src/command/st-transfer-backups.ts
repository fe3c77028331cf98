import { toBackupName } from "../catalog/backup-name.ts";
import { moveBackups } from "../database/move-backups.ts";
import type { Invocation } from "./command.ts";
import { betweenNamed, countOf } from "./st-transfer.ts";

/** Moves whole backups: one by its name, or all. */
export async function run(invocation: Invocation): Promise<void> {
  const [name] = invocation.arguments;
  const backupsMax =
    name === undefined ? countOf(invocation, "max-backups", Number.POSITIVE_INFINITY) : 1;
  await betweenNamed(invocation, (transfer) => {
    return moveBackups({
      ...transfer,
      database: invocation.personality.database,
      name: name === undefined ? undefined : toBackupName(name),
      backupsMax,
    });
  });
}
