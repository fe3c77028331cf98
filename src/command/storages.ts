import { assert } from "../base/assert.ts";
import { ConfigError } from "../base/errors.ts";
import { EffectiveSettings } from "../config/effective-settings.ts";
import { type NamedStorage, readStorages, unknownStorage } from "../config/failover-storages.ts";
import type { Invocation } from "./command.ts";

/** Every configured storage, the default one first. Not loaded where there is only that one. */
export function storagesOf(invocation: Invocation): readonly NamedStorage[] {
  const { settings, personality, options, log } = invocation;
  assert(settings instanceof EffectiveSettings, "the settings come from config/load.ts");
  const { storages, warnings } = readStorages(settings, { isWalg: personality.isWalg });
  const [first] = warnings;
  if (first !== undefined && options.flag("strict")) {
    throw new ConfigError(first, "Leave out --strict to go on with a warning.");
  }
  for (const warning of warnings) log.warning(warning);
  return storages;
}

/** The storage of that name, which counts in lower case. */
export function namedStorage(invocation: Invocation, name: string): NamedStorage {
  const storages = storagesOf(invocation);
  const found = storages.find((storage) => storage.name === name.toLowerCase());
  if (found === undefined) throw unknownStorage(name, storages);
  return found;
}
