import { BACKUPS_FOLDER } from "../catalog/storage-layout.ts";
import { moveObjects } from "../transfer/move-objects.ts";
import type { Invocation } from "./command.ts";
import { betweenNamed } from "./st-transfer.ts";

/** Moves objects by the beginning of their names, without looking at what they are. */
export async function run(invocation: Invocation): Promise<void> {
  const [path = ""] = invocation.arguments;
  const prefix = path.replace(/^\/+/, "");
  if (prefix.startsWith(BACKUPS_FOLDER) || BACKUPS_FOLDER.startsWith(prefix)) {
    invocation.log.warning(
      "objects of backups are moved one by one, and a backup is torn until all are: " +
        "st transfer backups moves whole ones",
    );
  }
  await betweenNamed(invocation, (transfer) => moveObjects({ ...transfer, prefix }));
}
