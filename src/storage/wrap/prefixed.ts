import type { ObjectInfo, StorageDriver } from "../driver.ts";
import { type ObjectKey, toObjectKey } from "../object-key.ts";

/** The part of a storage below `folder`, as if it were a storage of its own. */
export function prefixed(driver: StorageDriver, folder: string): StorageDriver {
  const base = `${toObjectKey(folder)}/`;
  const toInner = (key: ObjectKey) => toObjectKey(`${base}${key}`);
  const toOuter = (info: ObjectInfo): ObjectInfo => ({
    ...info,
    key: toObjectKey(info.key.slice(base.length)),
  });
  return {
    name: `${driver.name}/${folder}`,
    traits: driver.traits,
    async put(key, body, options) {
      return toOuter(await driver.put(toInner(key), body, options));
    },
    get: (key, options) => driver.get(toInner(key), options),
    async stat(key, signal) {
      return toOuter(await driver.stat(toInner(key), signal));
    },
    async *list(prefix, { after, signal }) {
      const from = after === undefined ? {} : { after: toInner(after) };
      for await (const info of driver.list(`${base}${prefix}`, { ...from, signal })) {
        yield toOuter(info);
      }
    },
    async listFolder(name, signal) {
      const { objects, folders } = await driver.listFolder(`${base}${name}`, signal);
      return { objects: objects.map(toOuter), folders };
    },
    delete: (keys, signal) => driver.delete(keys.map(toInner), signal),
    close: () => driver.close(),
  };
}
