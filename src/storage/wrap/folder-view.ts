import { assert } from "../../base/assert.ts";
import type { ObjectInfo, StorageDriver } from "../driver.ts";
import { type ObjectKey, toObjectKey } from "../object-key.ts";

export interface FolderNames {
  /** As the callers of the view name the folder. */
  readonly shown: string;
  /** As it is named in the storage. */
  readonly stored: string;
}

/**
 * A view of a storage in which one folder stands under another one's name: backups that lie in a
 * folder of their own are pushed, listed and fetched like all others. Errors of the storage name
 * the stored keys. The folder that really has the shown name is out of reach.
 */
export function folderView(driver: StorageDriver, names: FolderNames): StorageDriver {
  const inner = (key: ObjectKey) => toObjectKey(moved(key, names.shown, names.stored));
  const shown = (info: ObjectInfo): ObjectInfo => {
    return { ...info, key: toObjectKey(moved(info.key, names.stored, names.shown)) };
  };
  return {
    name: driver.name,
    traits: driver.traits,
    put: async (key, body, options) => shown(await driver.put(inner(key), body, options)),
    get: (key, options) => driver.get(inner(key), options),
    stat: async (key, signal) => shown(await driver.stat(inner(key), signal)),
    async *list(prefix, { after, signal }) {
      assert(!names.shown.startsWith(prefix), "a listing does not reach over the moved folder");
      const from = after === undefined ? {} : { after: inner(after) };
      const path = moved(prefix, names.shown, names.stored);
      for await (const info of driver.list(path, { ...from, signal })) yield shown(info);
    },
    listFolder: async (folder, signal) => {
      const path = moved(folder, names.shown, names.stored);
      const { objects, folders } = await driver.listFolder(path, signal);
      return { objects: objects.map(shown), folders };
    },
    delete: (keys, signal) => driver.delete(keys.map(inner), signal),
    close: () => driver.close(),
  };
}

function moved(path: string, from: string, to: string): string {
  const isInside = path === from || path.startsWith(`${from}/`);
  return isInside ? to + path.slice(from.length) : path;
}
