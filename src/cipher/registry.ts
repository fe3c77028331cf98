import { readFileSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import { ConfigError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { SettingReader } from "../base/setting-reader.ts";
import type { Cipher } from "./cipher.ts";
import { type ReadFile, readKey, readKeyFile, readTrimmedKey } from "./key-source.ts";
import type { KeyTransform } from "./libsodium.ts";
import { NONE_CIPHER } from "./none.ts";

export interface CipherOptions {
  readonly log: Logger;
  readonly clock: Clock;
  /** Ends what is asked of key services. */
  readonly signal: AbortSignal;
  /** How key files are read; from the file system when left out. */
  readonly readFile?: ReadFile | undefined;
}

type Opener = (settings: SettingReader, options: CipherOptions) => Promise<Cipher>;

interface Choice {
  readonly name: string;
  /** One of them asks for the cipher. */
  readonly keys: readonly string[];
  /** Settings that mean nothing without one of the keys. */
  readonly companions: readonly string[];
  readonly open: Opener;
}

/** In WAL-G's order: the first that is asked for is used. */
const CIPHERS: readonly Choice[] = [
  {
    name: "OpenPGP",
    keys: ["PGP_KEY", "PGP_KEY_PATH"],
    companions: ["PGP_KEY_PASSPHRASE", "PGP_OLD_KEY_PATHS"],
    open: openOpenPgp,
  },
  {
    name: "enveloped OpenPGP",
    keys: ["ENVELOPE_PGP_KEY", "ENVELOPE_PGP_KEY_PATH"],
    companions: [
      "ENVELOPE_PGP_YC_CSE_KMS_KEY_ID",
      "ENVELOPE_PGP_YC_SERVICE_ACCOUNT_KEY_FILE",
      "ENVELOPE_PGP_YC_ENDPOINT",
    ],
    open: async (...all) => (await import("./kms/open.ts")).openEnveloped(...all),
  },
  {
    name: "AWS KMS",
    keys: ["CSE_KMS_ID"],
    companions: ["CSE_KMS_REGION", "CSE_KMS_ENDPOINT"],
    open: async (...all) => (await import("./kms/open.ts")).openAws(...all),
  },
  {
    name: "Yandex KMS",
    keys: ["YC_CSE_KMS_KEY_ID"],
    companions: ["YC_SERVICE_ACCOUNT_KEY_FILE", "YC_CSE_KMS_ENDPOINT"],
    open: async (...all) => (await import("./kms/open.ts")).openYandex(...all),
  },
  {
    name: "libsodium",
    keys: ["LIBSODIUM_KEY", "LIBSODIUM_KEY_PATH"],
    companions: ["LIBSODIUM_OLD_KEY_PATHS"],
    open: openLibsodium,
  },
];

/**
 * The cipher that the settings ask for, in WAL-G's order; `none` only when they ask for nothing.
 * What asks for a cipher and does not suffice is an error: nothing is stored in plain because a
 * key was not understood.
 */
export async function openCipher(settings: SettingReader, options: CipherOptions): Promise<Cipher> {
  const isSet = (key: string) => settings.text(key) !== undefined;
  refuseGpg(isSet);
  for (const { name, keys, companions } of CIPHERS) {
    const idle = keys.some(isSet) ? undefined : companions.find(isSet);
    if (idle === undefined) continue;
    throw new ConfigError(
      `${idle} is set, and ${keys.join(" or ")} is not`,
      `Set the key of ${name} to encrypt with, or unset the others.`,
    );
  }
  const asked = CIPHERS.filter(({ keys }) => keys.some(isSet));
  const [chosen, next] = asked;
  if (chosen?.open === openOpenPgp && next?.keys.includes("ENVELOPE_PGP_KEY") === true) {
    throw new ConfigError(
      "PGP_KEY and ENVELOPE_PGP_KEY are both set",
      "Unset one of them: OpenPGP and enveloped OpenPGP cannot be used together.",
    );
  }
  return chosen === undefined ? NONE_CIPHER : await chosen.open(settings, options);
}

/** WAL-G's cipher that we do not have; it stores in plain when only the prefixed name is set. */
function refuseGpg(isSet: (key: string) => boolean): void {
  if (!isSet("GPG_KEY_ID")) return;
  throw new ConfigError(
    "GPG_KEY_ID is set, and tidemark does not ask gpg for keys",
    "Write the key to a file with `gpg --armor --export`, and name the file in PGP_KEY_PATH.",
  );
}

async function openLibsodium(settings: SettingReader, options: CipherOptions): Promise<Cipher> {
  const { readFile, log } = options;
  const names = { text: "LIBSODIUM_KEY", path: "LIBSODIUM_KEY_PATH" };
  const text = readKey(settings, names, readFile) ?? new Uint8Array(0);
  const transform = parseKeyTransform(settings.text("LIBSODIUM_KEY_TRANSFORM") ?? "none");
  const { openLibsodiumCipher, transformKey } = await import("./libsodium.ts");
  const older = pathsOf(settings, "LIBSODIUM_OLD_KEY_PATHS").map((entry) => {
    // A key of earlier times may have been written in another way.
    const [, own, path = ""] = /^(?:(none|hex|base64):)?(.*)$/s.exec(entry) ?? [];
    const where = `LIBSODIUM_OLD_KEY_PATHS=${path}`;
    const bytes = readTrimmedKey(path, where, readFile ?? readFileSync);
    return transformKey(bytes, own === undefined ? transform : parseKeyTransform(own), where);
  });
  return openLibsodiumCipher(transformKey(text, transform), { log, older });
}

async function openOpenPgp(
  settings: SettingReader,
  { readFile = readFileSync }: CipherOptions,
): Promise<Cipher> {
  const text = settings.text("PGP_KEY");
  const fromFile = (setting: string, file: string) => {
    const where = `${setting}=${file}`;
    return { where, bytes: readKeyFile(file, where, readFile) };
  };
  const older = pathsOf(settings, "PGP_OLD_KEY_PATHS").map((path) =>
    fromFile("PGP_OLD_KEY_PATHS", path),
  );
  const own =
    text === undefined
      ? fromFile("PGP_KEY_PATH", settings.text("PGP_KEY_PATH") ?? "")
      : // As WAL-G: line ends may be written as a backslash and an n.
        { where: "PGP_KEY", bytes: Buffer.from(text.replaceAll("\\n", "\n")) };
  const { openOpenPgpCipher } = await import("./openpgp.ts");
  const passphrase = settings.text("PGP_KEY_PASSPHRASE");
  return await openOpenPgpCipher({ own, older, passphrase });
}

function pathsOf(settings: SettingReader, key: string): readonly string[] {
  return (
    settings
      .text(key)
      ?.split(",")
      .map((path) => path.trim()) ?? []
  );
}

function parseKeyTransform(text: string): KeyTransform {
  if (text === "none" || text === "hex" || text === "base64") return text;
  throw new ConfigError(
    `LIBSODIUM_KEY_TRANSFORM=${text}: no such transform`,
    "Choose none, hex or base64.",
  );
}
