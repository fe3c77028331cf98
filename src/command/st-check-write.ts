import { toObjectKey } from "../storage/object-key.ts";
import { bytesSource } from "../stream/byte-stream.ts";
import type { Invocation } from "./command.ts";
import { onStorage } from "./st-storage.ts";
import { failedTo } from "./storage-check.ts";

/** How long the removal may take: an interruption does not stop it, as the object would stay. */
const REMOVAL_MS = 30_000;

/** Writes a small object under a random name, and removes it again. */
export async function run(invocation: Invocation): Promise<void> {
  const { log, signal } = invocation;
  await onStorage(invocation, "write", async ({ driver }) => {
    const key = toObjectKey(crypto.getRandomValues(new Uint8Array(16)).toHex());
    await failedTo("write to the storage", async () => {
      await driver.put(key, bytesSource("test"), { ifAbsent: true, signal });
      await driver.delete([key], AbortSignal.timeout(REMOVAL_MS));
    });
    signal.throwIfAborted();
    log.info("Write check OK");
  });
}
