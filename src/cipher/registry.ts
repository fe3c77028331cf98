import { ConfigError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { SettingReader } from "../base/setting-reader.ts";
import type { Cipher } from "./cipher.ts";
import { type ReadFile, readKey } from "./key-source.ts";
import type { KeyTransform } from "./libsodium.ts";
import { NONE_CIPHER } from "./none.ts";

export interface CipherOptions {
  readonly log: Logger;
  /** How key files are read; from the file system when left out. */
  readonly readFile?: ReadFile | undefined;
}

/** Ciphers of WAL-G that we do not have, with the settings that ask for them; first come first. */
const MISSING_CIPHERS = [
  {
    name: "OpenPGP",
    keys: ["PGP_KEY", "PGP_KEY_PATH", "PGP_KEY_PASSPHRASE", "GPG_KEY_ID"],
  },
  {
    name: "enveloped OpenPGP",
    keys: [
      "ENVELOPE_PGP_KEY",
      "ENVELOPE_PGP_KEY_PATH",
      "ENVELOPE_PGP_YC_CSE_KMS_KEY_ID",
      "ENVELOPE_PGP_YC_SERVICE_ACCOUNT_KEY_FILE",
      "ENVELOPE_PGP_YC_ENDPOINT",
    ],
  },
  { name: "AWS KMS", keys: ["CSE_KMS_ID", "CSE_KMS_REGION"] },
  { name: "Yandex Cloud KMS", keys: ["YC_CSE_KMS_KEY_ID", "YC_SERVICE_ACCOUNT_KEY_FILE"] },
] as const;

/**
 * The cipher that the settings ask for, in WAL-G's order; `none` only when they ask for nothing.
 * A cipher that we lack is an error: nothing is stored in plain because a key was not understood.
 */
export async function openCipher(settings: SettingReader, options: CipherOptions): Promise<Cipher> {
  for (const { name, keys } of MISSING_CIPHERS) {
    const key = keys.find((candidate) => settings.text(candidate) !== undefined);
    if (key !== undefined) {
      throw new ConfigError(
        `${key} is set, and tidemark cannot do ${name} encryption yet`,
        "Use libsodium (LIBSODIUM_KEY), or unset the key to store in plain.",
      );
    }
  }
  const text = readKey(
    settings,
    { text: "LIBSODIUM_KEY", path: "LIBSODIUM_KEY_PATH" },
    options.readFile,
  );
  if (text === undefined) return NONE_CIPHER;
  const transform = parseKeyTransform(settings.text("LIBSODIUM_KEY_TRANSFORM") ?? "none");
  const { openLibsodiumCipher, transformKey } = await import("./libsodium.ts");
  return openLibsodiumCipher(transformKey(text, transform), { log: options.log });
}

function parseKeyTransform(text: string): KeyTransform {
  if (text === "none" || text === "hex" || text === "base64") return text;
  throw new ConfigError(
    `LIBSODIUM_KEY_TRANSFORM=${text}: no such transform`,
    "Choose none, hex or base64.",
  );
}
