import type { StorageDriver } from "../storage/driver.ts";
import { expandGlob } from "../transfer/glob.ts";
import type { Invocation } from "./command.ts";
import { ObjectTable } from "./object-table.ts";
import { folderPath, onStorage } from "./st-storage.ts";

/** Lists a folder: folders first, then objects; with `-r` every object below it. */
export async function run(invocation: Invocation): Promise<void> {
  const { options, output, signal } = invocation;
  const [path = ""] = invocation.arguments;
  await onStorage(invocation, "read", async ({ driver }) => {
    if (!options.flag("glob")) {
      await printFolder(invocation, driver, folderPath(path));
      return;
    }
    for (const folder of (await expandGlob(driver, path, signal)).folders) {
      output.write(`${folder}:\n`);
      await printFolder(invocation, driver, folder);
      output.write("\n");
    }
  });
}

async function printFolder(
  { options, output, signal }: Invocation,
  driver: StorageDriver,
  folder: string,
): Promise<void> {
  const table = new ObjectTable(output, driver);
  const prefix = folder === "" ? "" : `${folder}/`;
  if (options.flag("recursive")) {
    for await (const info of driver.list(prefix, { signal })) {
      table.object(info.key.slice(prefix.length), info);
    }
  } else {
    const { objects, folders } = await driver.listFolder(folder, signal);
    for (const name of [...folders].sort()) table.folder(name);
    for (const info of objects.toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
      table.object(info.key.slice(prefix.length), info);
    }
  }
  table.end();
}
