import { recycle } from "../stream/chunk-pool.ts";
import type { Invocation } from "./command.ts";
import { onStorage } from "./st-storage.ts";
import { objectsOf, openStoredBytes } from "./stored-bytes.ts";

/** Prints an object's bytes as they are stored, or opened as asked for. */
export async function run(invocation: Invocation): Promise<void> {
  const { options, output, log, signal } = invocation;
  const [path = ""] = invocation.arguments;
  await onStorage(invocation, "read", async (repository) => {
    const keys = await objectsOf(repository, path, { isGlob: options.flag("glob"), signal });
    for (const key of keys) {
      const content = await openStoredBytes(repository, {
        key,
        isDecrypted: options.flag("decrypt"),
        isDecompressed: options.flag("decompress"),
        log,
        signal,
      });
      for await (const chunk of content) {
        await output.writeBytes(chunk);
        recycle(chunk);
      }
    }
  });
}
