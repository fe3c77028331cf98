import { readFileSync } from "node:fs";
import { ConfigError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { SettingReader } from "../base/setting-reader.ts";
import type { Cipher } from "./cipher.ts";
import { type ReadFile, readKey, readKeyFile } from "./key-source.ts";
import type { KeyTransform } from "./libsodium.ts";
import { NONE_CIPHER } from "./none.ts";

export interface CipherOptions {
  readonly log: Logger;
  /** How key files are read; from the file system when left out. */
  readonly readFile?: ReadFile | undefined;
}

/** Ciphers of WAL-G that we do not have, with the settings that ask for them; first come first. */
const MISSING_CIPHERS = [
  // WAL-G stores in plain when only the prefixed name is set.
  { name: "OpenPGP with gpg's key ring", keys: ["GPG_KEY_ID"] },
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
  refuseMissing(settings);
  const openPgp = await openOpenPgp(settings, options);
  if (openPgp !== undefined) return openPgp;
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

function refuseMissing(settings: SettingReader): void {
  for (const { name, keys } of MISSING_CIPHERS) {
    const key = keys.find((candidate) => settings.text(candidate) !== undefined);
    if (key === undefined) continue;
    throw new ConfigError(
      `${key} is set, and tidemark cannot do ${name} encryption yet`,
      "Use libsodium (LIBSODIUM_KEY) or OpenPGP (PGP_KEY_PATH), or unset it to store in plain.",
    );
  }
}

/** undefined when nothing asks for OpenPGP. */
async function openOpenPgp(
  settings: SettingReader,
  { readFile = readFileSync }: CipherOptions,
): Promise<Cipher | undefined> {
  const text = settings.text("PGP_KEY");
  const path = settings.text("PGP_KEY_PATH");
  const fromFile = (setting: string, file: string) => {
    const where = `${setting}=${file}`;
    return { where, bytes: readKeyFile(file, where, readFile) };
  };
  if (text === undefined && path === undefined) {
    const idle = ["PGP_KEY_PASSPHRASE", "PGP_OLD_KEY_PATHS"].find(
      (key) => settings.text(key) !== undefined,
    );
    if (idle === undefined) return undefined;
    throw new ConfigError(
      `${idle} is set, and neither PGP_KEY nor PGP_KEY_PATH is`,
      "Set the key to encrypt with, or unset the others to store in plain.",
    );
  }
  const oldPaths = settings.text("PGP_OLD_KEY_PATHS")?.split(",") ?? [];
  const older = oldPaths.map((each) => fromFile("PGP_OLD_KEY_PATHS", each.trim()));
  const own =
    text === undefined
      ? fromFile("PGP_KEY_PATH", path ?? "")
      : // As WAL-G: line ends may be written as a backslash and an n.
        { where: "PGP_KEY", bytes: Buffer.from(text.replaceAll("\\n", "\n")) };
  const { openOpenPgpCipher } = await import("./openpgp.ts");
  const passphrase = settings.text("PGP_KEY_PASSPHRASE");
  return await openOpenPgpCipher({ own, older, passphrase });
}

function parseKeyTransform(text: string): KeyTransform {
  if (text === "none" || text === "hex" || text === "base64") return text;
  throw new ConfigError(
    `LIBSODIUM_KEY_TRANSFORM=${text}: no such transform`,
    "Choose none, hex or base64.",
  );
}
