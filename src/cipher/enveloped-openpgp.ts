/**
 * WAL-G's enveloped OpenPGP: an OpenPGP message, and before it the private key that opens it,
 * encrypted by a key service.
 *
 * | Bytes | What                                                                                |
 * |-------|-------------------------------------------------------------------------------------|
 * | 15    | `envelope-yc-kms`                                                                   |
 * | 1     | 1                                                                                   |
 * | 4, n  | length, little endian, and ids of the keys: upper-case hexadecimal numbers, commas  |
 * | 4, n  | length, little endian, and the armored private key as the service encrypted it      |
 *
 * At most 8192 bytes in all. What is read needs nothing but the service: each object brings its
 * own key, so that keys can be changed.
 */
import { ConfigError, CorruptObjectError } from "../base/errors.ts";
import { ByteReader } from "../stream/byte-reader.ts";
import { type ByteStream, concatBytes } from "../stream/byte-stream.ts";
import type { Cipher } from "./cipher.ts";
import { type KeyService, OpenedSecrets, serviceKeyId } from "./data-keys.ts";
import { WrongKeyError } from "./errors.ts";
import { decryptOpenPgp, encryptOpenPgp } from "./openpgp.ts";
import { type KeyRing, openKeyRing } from "./openpgp-keys.ts";

const MAGIC = Buffer.from("envelope-yc-kms\x01", "latin1");
const HEAD_BYTES_MAX = 8192;
const WHAT = "enveloped OpenPGP data";

export interface EnvelopedKey {
  /** The setting that it comes from, for messages. */
  readonly where: string;
  /** The armored private key as the service encrypted it. */
  readonly encrypted: Uint8Array;
}

/** Nothing is asked before something is encrypted or decrypted. */
export function openEnvelopedOpenPgpCipher(own: EnvelopedKey, service: KeyService): Cipher {
  const keyId = serviceKeyId("enveloped-openpgp", Buffer.from(own.encrypted).toString("base64"));
  const rings = new OpenedRings(service, keyId);
  return {
    name: "enveloped-openpgp",
    keyId,
    canDecrypt: true,
    encrypt: (input) => encrypt(input, own, rings),
    decrypt: (input) => decrypt(input, rings),
  };
}

async function* encrypt(
  input: ByteStream,
  own: EnvelopedKey,
  rings: OpenedRings,
): AsyncGenerator<Uint8Array> {
  const ring = await rings.open(own.encrypted).catch((error: unknown) => {
    if (!(error instanceof WrongKeyError)) throw error;
    throw new ConfigError(
      `${own.where}: the key service does not open it`,
      "Set the KMS key that it was encrypted with, and the whole of what the service gave.",
    );
  });
  if (!ring.canDecrypt) {
    throw new ConfigError(
      `${own.where}: what the service decrypts is no private key without a passphrase`,
      "Let the service encrypt the output of `gpg --armor --export-secret-keys`.",
    );
  }
  const head = envelopeHead(own, ring);
  let isFirst = true;
  // In one chunk with the first bytes: whoever takes it has begun to read the input.
  for await (const chunk of encryptOpenPgp(input, ring)) {
    yield isFirst ? concatBytes([head, chunk]) : chunk;
    isFirst = false;
  }
}

function envelopeHead({ where, encrypted }: EnvelopedKey, ring: KeyRing): Uint8Array {
  const names = Buffer.from(idsOf(ring).join(","));
  const head = concatBytes([MAGIC, length(names), names, length(encrypted), encrypted]);
  if (head.byteLength <= HEAD_BYTES_MAX) return head;
  throw new ConfigError(
    `${where}: the encrypted key makes a head of ${head.byteLength} bytes, and objects have ` +
      `room for ${HEAD_BYTES_MAX}`,
    "Use a key ring of one key, without signatures of others.",
  );
}

function length(bytes: Uint8Array): Uint8Array {
  const field = Buffer.alloc(4);
  field.writeUInt32LE(bytes.byteLength);
  return field;
}

/** As WAL-G names keys: numbers without leading zeros. */
function idsOf(ring: KeyRing): string[] {
  return ring.keyIds.map((id) => id.replace(/^0+/, "").toUpperCase());
}

async function* decrypt(input: ByteStream, rings: OpenedRings): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(input);
  try {
    const { ids, encrypted } = await readHead(reader);
    const ring = await rings.open(encrypted);
    if (idsOf(ring).sort().join() !== ids.split(",").sort().join()) {
      throw new CorruptObjectError(WHAT, "its key has another id than it says");
    }
    yield* decryptOpenPgp(reader, ring);
  } finally {
    await reader.close();
  }
}

async function readHead(reader: ByteReader) {
  const corrupt = (detail: string) => new CorruptObjectError(WHAT, detail);
  const endedEarly = () => corrupt("cut short inside its head");
  if (!MAGIC.equals(await reader.read(MAGIC.byteLength))) throw corrupt("does not begin as such");
  const readField = async (): Promise<Uint8Array> => {
    const field = await reader.readExactly(4, endedEarly);
    const sizeBytes = Buffer.from(field).readUInt32LE();
    if (reader.consumedBytes + sizeBytes > HEAD_BYTES_MAX) throw corrupt("its head is too long");
    return Uint8Array.from(await reader.readExactly(sizeBytes, endedEarly));
  };
  const ids = Buffer.from(await readField()).toString("latin1");
  return { ids, encrypted: await readField() };
}

/** Key rings by what the service was given. */
class OpenedRings {
  readonly #secrets: OpenedSecrets;
  readonly #rings = new WeakMap<Uint8Array, Promise<KeyRing>>();

  constructor(service: KeyService, keyId: string) {
    this.#secrets = new OpenedSecrets(service, { what: WHAT, keyId });
  }

  async open(encrypted: Uint8Array): Promise<KeyRing> {
    const bytes = await this.#secrets.open(encrypted);
    const own = { where: WHAT, bytes };
    const ring = this.#rings.get(bytes) ?? openKeyRing({ own, older: [], passphrase: undefined });
    this.#rings.set(bytes, ring);
    return await ring;
  }
}
