import type { Invocation } from "./command.ts";
import { ObjectTable } from "./object-table.ts";
import { objectPath, onStorage } from "./st-storage.ts";

/** Shows size and time of one object in the table of `st ls`. */
export async function run(invocation: Invocation): Promise<void> {
  const [path = ""] = invocation.arguments;
  await onStorage(invocation, "read", async ({ driver }) => {
    const key = objectPath(path);
    const info = await driver.stat(key, invocation.signal);
    const table = new ObjectTable(invocation.output, driver);
    table.object(key, info);
    table.end();
  });
}
