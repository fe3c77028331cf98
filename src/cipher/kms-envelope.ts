import { ConfigError, CorruptObjectError } from "../base/errors.ts";
import { ByteReader } from "../stream/byte-reader.ts";
import type { ByteStream } from "../stream/byte-stream.ts";
import type { Cipher } from "./cipher.ts";
import { openDare, sealDare } from "./dare.ts";
import { DATA_KEY_BYTES, type DataKey, type KeyService, OpenedSecrets } from "./data-keys.ts";

/** Where the encrypted data key lies in an object: before the DARE stream. */
export interface KmsFormat {
  readonly cipher: string;
  /** What messages call the data. */
  readonly what: string;
  readonly isAesOnly: boolean;
  /** The bytes before the stream; throws when the service's answer does not fit in. */
  head(encryptedKey: Uint8Array): Uint8Array;
  readEncryptedKey(reader: ByteReader): Promise<Uint8Array>;
}

const AWS_KEY_BYTES = 184;

/** WAL-G's AWS KMS layout: what AWS makes of 32 bytes, without its length, and the stream. */
export const AWS_KMS_FORMAT: KmsFormat = {
  cipher: "aws-kms",
  what: "AWS KMS data",
  isAesOnly: false,
  head(encryptedKey) {
    if (encryptedKey.byteLength === AWS_KEY_BYTES) return encryptedKey;
    throw new ConfigError(
      `CSE_KMS_ID: the service makes ${encryptedKey.byteLength} bytes of a data key, and objects ` +
        `have room for exactly ${AWS_KEY_BYTES}`,
      "Name a symmetric key of AWS KMS (SYMMETRIC_DEFAULT) that belongs to one region.",
    );
  },
  async readEncryptedKey(reader) {
    const endedEarly = () =>
      new CorruptObjectError("AWS KMS data", "cut short inside the encrypted data key");
    return Uint8Array.from(await reader.readExactly(AWS_KEY_BYTES, endedEarly));
  },
};

const YANDEX_MAGIC = Buffer.from("yckms\x01", "latin1");
const YANDEX_KEY_BYTES_MAX = 4096;

/** WAL-G's Yandex KMS layout: `yckms`, 1, length (4, little endian), encrypted key, stream. */
export const YANDEX_KMS_FORMAT: KmsFormat = {
  cipher: "yandex-kms",
  what: "Yandex KMS data",
  isAesOnly: true,
  head(encryptedKey) {
    const { byteLength } = encryptedKey;
    if (byteLength === 0 || byteLength > YANDEX_KEY_BYTES_MAX) {
      throw new CorruptObjectError(
        "Yandex KMS data",
        `the service made a key of ${byteLength} bytes`,
      );
    }
    const length = Buffer.alloc(4);
    length.writeUInt32LE(byteLength);
    return Buffer.concat([YANDEX_MAGIC, length, encryptedKey]);
  },
  async readEncryptedKey(reader) {
    const corrupt = (detail: string) => new CorruptObjectError("Yandex KMS data", detail);
    const magic = await reader.read(YANDEX_MAGIC.byteLength);
    if (!YANDEX_MAGIC.equals(magic)) throw corrupt("does not begin as such");
    const length = await reader.readExactly(4, () => corrupt("cut short inside its head"));
    const sizeBytes = Buffer.from(length).readUInt32LE();
    if (sizeBytes === 0 || sizeBytes > YANDEX_KEY_BYTES_MAX) {
      throw corrupt(`an encrypted data key of ${sizeBytes} bytes`);
    }
    const endedEarly = () => corrupt("cut short inside the encrypted data key");
    return Uint8Array.from(await reader.readExactly(sizeBytes, endedEarly));
  },
};

/**
 * Objects under data keys that a key service encrypts. One data key serves the whole process, as
 * in WAL-G: the service is asked once for writing, and once for each key that is read.
 */
export function openKmsCipher(
  format: KmsFormat,
  { service, keyId }: { readonly service: KeyService; readonly keyId: string },
): Cipher {
  const opened = new OpenedSecrets(service, { what: format.what, keyId });
  let making: Promise<DataKey> | undefined;
  const ownKey = (): Promise<DataKey> => {
    making ??= makeDataKey(service, opened).catch((error: unknown) => {
      making = undefined;
      throw error;
    });
    return making;
  };
  return {
    name: format.cipher,
    keyId,
    // Whether the service will do it, only it can say; who may only encrypt still writes.
    canDecrypt: true,
    encrypt: (input) => encrypt(input, format, ownKey),
    decrypt: (input) => decrypt(input, format, opened),
  };
}

async function makeDataKey(service: KeyService, opened: OpenedSecrets): Promise<DataKey> {
  const key = crypto.getRandomValues(new Uint8Array(DATA_KEY_BYTES));
  const dataKey = { key, encrypted: await service.encrypt(key) };
  opened.know(dataKey);
  return dataKey;
}

async function* encrypt(
  input: ByteStream,
  format: KmsFormat,
  ownKey: () => Promise<DataKey>,
): AsyncGenerator<Uint8Array> {
  const { key, encrypted } = await ownKey();
  yield* sealDare(input, { key, head: format.head(encrypted) });
}

async function* decrypt(
  input: ByteStream,
  format: KmsFormat,
  opened: OpenedSecrets,
): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(input);
  try {
    const key = await opened.open(await format.readEncryptedKey(reader));
    if (key.byteLength !== DATA_KEY_BYTES) {
      throw new CorruptObjectError(format.what, `a data key of ${key.byteLength} bytes`);
    }
    yield* openDare(reader, { key, chacha: format.isAesOnly ? undefined : loadChacha });
  } finally {
    await reader.close();
  }
}

async function loadChacha() {
  return await (await import("./chacha20-poly1305.ts")).loadChachaOpener();
}
