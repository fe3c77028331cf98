import { WAL_FOLDER } from "../catalog/storage-layout.ts";
import { moveObjects } from "../transfer/move-objects.ts";
import type { Invocation } from "./command.ts";
import { betweenNamed } from "./st-transfer.ts";

/** Moves the archived WAL with all that belongs to it. */
export async function run(invocation: Invocation): Promise<void> {
  await betweenNamed(invocation, (transfer) => {
    return moveObjects({ ...transfer, prefix: `${WAL_FOLDER}/` });
  });
}
