import { ConfigError } from "../../base/errors.ts";
import type { SettingReader } from "../../base/setting-reader.ts";

/** The name of a service's key, which must be there and can be written into a message. */
export function readKeyId(settings: SettingReader, setting: string): string {
  const keyId = settings.text(setting) ?? "";
  if (/^[\x21-\x7e]+$/.test(keyId)) return keyId;
  throw new ConfigError(
    keyId === "" ? `${setting}: the KMS key has no name` : `${setting}: is no name of a KMS key`,
    "Set the id of the key as its service tells it, or unset the settings of this cipher.",
  );
}
