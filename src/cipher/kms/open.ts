import { readFileSync } from "node:fs";
import { ConfigError } from "../../base/errors.ts";
import type { SettingReader } from "../../base/setting-reader.ts";
import { readAuthorities } from "../../storage/service/authorities.ts";
import { readProxy } from "../../storage/service/settings.ts";
import { createTransport, type Transport } from "../../storage/service/transport.ts";
import type { Cipher } from "../cipher.ts";
import { type KeyService, serviceKeyId } from "../data-keys.ts";
import { readKey, readKeyFile } from "../key-source.ts";
import { AWS_KMS_FORMAT, openKmsCipher, YANDEX_KMS_FORMAT } from "../kms-envelope.ts";
import type { CipherOptions } from "../registry.ts";
import { ANSWER_TIMEOUT_MS } from "./ask.ts";
import { openAwsKms, readAwsKmsSettings } from "./aws.ts";
import { readKeyId } from "./key-id.ts";
import { METADATA, openYandexKms, readYandexEndpoint } from "./yandex.ts";
import { parseAccountKey } from "./yandex-account.ts";

export async function openAws(settings: SettingReader, options: CipherOptions): Promise<Cipher> {
  const kms = readAwsKmsSettings(settings);
  const { log, clock, signal } = options;
  const transport = await openTransport(settings, options);
  const service = openAwsKms(kms, { transport, log, clock, signal });
  return openKmsCipher(AWS_KMS_FORMAT, { service, keyId: serviceKeyId("aws-kms", kms.keyId) });
}

export async function openYandex(settings: SettingReader, options: CipherOptions): Promise<Cipher> {
  const keyId = readKeyId(settings, "YC_CSE_KMS_KEY_ID");
  const service = await openYandexService(settings, options, {
    keyId,
    accountFile: "YC_SERVICE_ACCOUNT_KEY_FILE",
    endpoint: "YC_CSE_KMS_ENDPOINT",
  });
  return openKmsCipher(YANDEX_KMS_FORMAT, { service, keyId: serviceKeyId("yandex-kms", keyId) });
}

export async function openEnveloped(
  settings: SettingReader,
  options: CipherOptions,
): Promise<Cipher> {
  const names = { text: "ENVELOPE_PGP_KEY", path: "ENVELOPE_PGP_KEY_PATH" };
  const where = settings.text(names.text) === undefined ? names.path : names.text;
  const encrypted = decodeBase64(where, readKey(settings, names, options.readFile));
  const keyId = readKeyId(settings, "ENVELOPE_PGP_YC_CSE_KMS_KEY_ID");
  const service = await openYandexService(settings, options, {
    keyId,
    accountFile: "ENVELOPE_PGP_YC_SERVICE_ACCOUNT_KEY_FILE",
    endpoint: "ENVELOPE_PGP_YC_ENDPOINT",
  });
  const { openEnvelopedOpenPgpCipher } = await import("../enveloped-openpgp.ts");
  return openEnvelopedOpenPgpCipher({ where, encrypted }, service);
}

function decodeBase64(where: string, text: Uint8Array = new Uint8Array(0)): Uint8Array {
  const digits = Buffer.from(text).toString("latin1").replace(/\s/g, "");
  const bytes = Buffer.from(digits, "base64");
  if (bytes.byteLength > 0 && bytes.toString("base64") === digits) return bytes;
  throw new ConfigError(
    `${where}: is not base64`,
    "Set what the key service made of the armored private key, in base64.",
  );
}

async function openYandexService(
  settings: SettingReader,
  options: CipherOptions,
  names: { readonly keyId: string; readonly accountFile: string; readonly endpoint: string },
): Promise<KeyService> {
  const { log, clock, signal, readFile = readFileSync } = options;
  const path = settings.text(names.accountFile);
  const where = `${names.accountFile}=${path}`;
  const account =
    path === undefined ? undefined : parseAccountKey(where, readKeyFile(path, where, readFile));
  const endpoint = readYandexEndpoint(names.endpoint, settings.text(names.endpoint));
  const transport = await openTransport(settings, options);
  const kms = { keyId: names.keyId, account, endpoint, metadata: METADATA };
  return openYandexKms(kms, { transport, log, clock, signal });
}

async function openTransport(
  settings: SettingReader,
  { clock }: CipherOptions,
): Promise<Transport> {
  const path = settings.text("AWS_CA_BUNDLE");
  const files = path === undefined ? [] : [{ setting: "AWS_CA_BUNDLE", path }];
  return createTransport({
    clock,
    idleTimeoutMs: ANSWER_TIMEOUT_MS,
    certificateAuthorities: await readAuthorities(files),
    proxy: readProxy(settings),
  });
}
