import { BACKUPS_FOLDER, CATCHUP_FOLDER } from "../catalog/storage-layout.ts";
import { folderView } from "../storage/wrap/folder-view.ts";
import type { Repository } from "../transfer/repository.ts";
import type { Invocation } from "./command.ts";
import { openRepository, type Purpose } from "./context.ts";

/** The repository of the settings, with what catchup-push stores in the place of the backups. */
export async function openCatchupRepository(
  invocation: Invocation,
  purpose: Purpose,
): Promise<Repository & AsyncDisposable> {
  const repository = await openRepository(invocation, purpose, {
    rateKey: "NETWORK_RATE_LIMIT",
  });
  const driver = folderView(repository.driver, { shown: BACKUPS_FOLDER, stored: CATCHUP_FOLDER });
  return { ...repository, driver };
}
