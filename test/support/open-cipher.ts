import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import type { Cipher } from "../../src/cipher/cipher.ts";
import { openCipher } from "../../src/cipher/registry.ts";
import { mapSettings } from "./map-settings.ts";

/** The cipher that settings ask for, whatever prefixes they have; `file` is in every key file. */
export async function cipherOf(
  settings: Readonly<Record<string, string>>,
  file?: string,
): Promise<Cipher> {
  const entries = Object.entries(settings).map(([name, value]) => [
    name.replace(/^(?:WALG|TIDEMARK)_/, ""),
    value,
  ]);
  return await openCipher(mapSettings(Object.fromEntries(entries)), {
    log: SILENT_LOGGER,
    clock: SYSTEM_CLOCK,
    signal: new AbortController().signal,
    readFile: file === undefined ? undefined : () => Buffer.from(file),
  });
}
