import { ToolError } from "../base/errors.ts";
import { ObjectNotFoundError } from "../storage/errors.ts";
import type { Invocation } from "./command.ts";
import { objectPath, onStorage } from "./st-storage.ts";
import { failedTo } from "./storage-check.ts";

/** Lists the root of the storage, and looks for the objects that are named. */
export async function run(invocation: Invocation): Promise<void> {
  const { log, signal } = invocation;
  const names = invocation.arguments;
  await onStorage(invocation, "read", async ({ driver }) => {
    await failedTo("list the storage", () => driver.listFolder("", signal));
    const missing: string[] = [];
    for (const name of names) {
      try {
        await driver.stat(objectPath(name), signal);
      } catch (error) {
        if (!(error instanceof ObjectNotFoundError)) throw error;
        missing.push(name);
      }
    }
    if (missing.length > 0) {
      throw new ToolError({
        code: "object-not-found",
        message: `files are missing: ${missing.join(", ")}`,
      });
    }
    log.info("Read check OK");
  });
}
