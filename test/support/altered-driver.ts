import type { StorageDriver } from "../../src/storage/driver.ts";

/** The same storage, in which some calls do something else. */
export function alteredDriver(
  driver: StorageDriver,
  changes: Partial<StorageDriver>,
): StorageDriver {
  return {
    name: driver.name,
    traits: driver.traits,
    put: (...args) => driver.put(...args),
    get: (...args) => driver.get(...args),
    stat: (...args) => driver.stat(...args),
    list: (...args) => driver.list(...args),
    listFolder: (...args) => driver.listFolder(...args),
    delete: (...args) => driver.delete(...args),
    close: () => driver.close(),
    ...changes,
  };
}
