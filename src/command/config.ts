import { assert } from "../base/assert.ts";
import { EffectiveSettings } from "../config/effective-settings.ts";
import type { Setting } from "../config/setting.ts";
import { maskedStorages } from "../config/storage-secrets.ts";
import { MASK } from "../config/value.ts";
import type { Invocation } from "./command.ts";

/** Prints the settings in effect as `NAME=value  (origin)`, or as a JSON array. */
export async function run(invocation: Invocation): Promise<void> {
  const { settings, options, output } = invocation;
  assert(settings instanceof EffectiveSettings, "the settings come from config/load.ts");
  const rows = settings
    .entries()
    .filter(({ origin }) => origin !== "default" || options.flag("defaults"))
    .map(({ setting, value, origin, name }) => ({
      name,
      value: shown(setting, value),
      origin,
      file: origin === "file" ? settings.configPath : undefined,
    }));
  if (options.flag("json")) {
    output.write(`${JSON.stringify(rows, undefined, 2)}\n`);
    return;
  }
  const lines = rows.map(({ name, value, origin, file }) => {
    const place = file === undefined ? origin : `${origin} ${file}`;
    return `${name}=${value}  (${place})\n`;
  });
  output.write(lines.join(""));
}

function shown(setting: Setting, value: string): string {
  if (setting.isSecret !== true) return maskPassword(value);
  return setting.kind === "map" ? maskPassword(maskedStorages(value)) : MASK;
}

/** A password inside an address: `https://user:password@host`. */
function maskPassword(value: string): string {
  return value.replace(/(:\/\/[^\s/:@]*):[^\s/@]+@/g, `$1:${MASK}@`);
}
