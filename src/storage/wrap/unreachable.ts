import type { StorageDriver } from "../driver.ts";
import { StorageUnavailableError } from "../errors.ts";

/** Stands for a storage that could not even be opened: each request fails for that reason. */
export function unreachable(name: string, reason: Error): StorageDriver {
  const facts = { storage: name, detail: reason.message, cause: reason, isTransient: false };
  const fail = () => Promise.reject(new StorageUnavailableError(facts));
  return {
    name,
    traits: {
      atomicPut: true,
      conditionalPut: true,
      listsByPrefix: true,
      connectionsMax: 1,
      deleteBatchMax: 1000,
    },
    put: fail,
    get: fail,
    stat: fail,
    list: () => ({ [Symbol.asyncIterator]: () => ({ next: fail }) }),
    listFolder: fail,
    delete: fail,
    close: async () => {},
  };
}
