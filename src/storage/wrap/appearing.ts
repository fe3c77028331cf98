import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { ObjectInfo, StorageDriver } from "../driver.ts";
import { ObjectNotFoundError, StorageUnavailableError } from "../errors.ts";
import type { ObjectKey } from "../object-key.ts";

export interface Appearance {
  /** How often an object is looked for; 0: it is not. */
  readonly checksMax: number;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A `put` resolves only once the object can be seen: what was stored there may be removed here. */
export function appearing(driver: StorageDriver, appearance: Appearance): StorageDriver {
  return {
    name: driver.name,
    traits: driver.traits,
    put: async (key, body, options) => {
      const stored = await driver.put(key, body, options);
      if (appearance.checksMax === 0) return stored;
      return await untilSeen(driver, { key, appearance, signal: options.signal });
    },
    get: (key, options) => driver.get(key, options),
    stat: (key, signal) => driver.stat(key, signal),
    list: (prefix, options) => driver.list(prefix, options),
    listFolder: (folder, signal) => driver.listFolder(folder, signal),
    delete: (keys, signal) => driver.delete(keys, signal),
    close: () => driver.close(),
  };
}

async function untilSeen(
  driver: StorageDriver,
  object: {
    readonly key: ObjectKey;
    readonly appearance: Appearance;
    readonly signal: AbortSignal;
  },
): Promise<ObjectInfo> {
  const { key, appearance, signal } = object;
  const { checksMax, intervalMs, clock, log } = appearance;
  for (let check = 1; ; check += 1) {
    try {
      return await driver.stat(key, signal);
    } catch (cause) {
      if (!(cause instanceof ObjectNotFoundError)) throw cause;
      if (check >= checksMax) {
        throw new StorageUnavailableError({
          storage: driver.name,
          key,
          detail: `couldn't wait for the file to appear (${checksMax} checks performed)`,
          isTransient: false,
          cause,
        });
      }
      log.warning(`${key} hasn't appeared in the target storage (check ${check} of ${checksMax})`);
      await clock.sleep(intervalMs, signal);
    }
  }
}
