import type { StorageDriver } from "../driver.ts";
import { AccessDeniedError } from "../errors.ts";

/** A driver that refuses to change anything: for commands that only look. */
export function readOnly(driver: StorageDriver): StorageDriver {
  const refuse = (key: string | undefined) =>
    new AccessDeniedError({
      storage: driver.name,
      key,
      detail: "this command opened the storage for reading only",
    });
  return {
    name: driver.name,
    traits: driver.traits,
    put: (key) => Promise.reject(refuse(key)),
    get: (key, options) => driver.get(key, options),
    stat: (key, signal) => driver.stat(key, signal),
    list: (prefix, options) => driver.list(prefix, options),
    listFolder: (folder, signal) => driver.listFolder(folder, signal),
    delete: (keys) => Promise.reject(refuse(keys[0])),
    close: () => driver.close(),
  };
}
