import {
  decryptKey,
  decryptSessionKeys,
  encryptSessionKey,
  generateSessionKey,
  type Key,
  type PrivateKey,
  type PublicKey,
  readKeys,
  readMessage,
} from "openpgp";
import { ConfigError, messageOf } from "../base/errors.ts";

/** Key material, armored or binary, and how messages name where it comes from. */
export interface KeySource {
  readonly where: string;
  readonly bytes: Uint8Array;
}

export interface KeyRingOptions {
  /** What is written can be read with any key of it. */
  readonly own: KeySource;
  /** Keys of earlier times: only for reading. */
  readonly older: readonly KeySource[];
  readonly passphrase: string | undefined;
}

/** The key of one object, and the packets that hold it for whoever may read. */
export interface SessionKey {
  readonly key: Uint8Array;
  readonly packets: Uint8Array;
}

type LocatedKey<K extends Key> = { readonly where: string; readonly key: K };

const BLOCK_BEGIN = /^-----BEGIN PGP /gm;
/** Ciphers that `AesCfb` does, by the names of the package. */
const SESSION_CIPHERS: readonly string[] = ["aes128", "aes192", "aes256"];

export async function openKeyRing(options: KeyRingOptions): Promise<KeyRing> {
  const own = await parseKeys(options.own);
  const older = await Promise.all(options.older.map(parseKeys));
  return new KeyRing(own, older.flat(), options.passphrase);
}

export class KeyRing {
  /** Fingerprints of the keys that can read what is written. */
  readonly keyId: string;
  readonly #own: readonly LocatedKey<Key>[];
  readonly #private: readonly LocatedKey<PrivateKey>[];
  readonly #passphrase: string | undefined;
  #unlocked: Promise<PrivateKey[]> | undefined;

  constructor(
    own: readonly LocatedKey<Key>[],
    older: readonly LocatedKey<Key>[],
    passphrase: string | undefined,
  ) {
    this.#own = own;
    this.#private = [...own, ...older].flatMap(({ where, key }) => {
      return key.isPrivate() ? [{ where, key }] : [];
    });
    this.#passphrase = passphrase;
    this.keyId = own.map(({ key }) => key.getFingerprint()).join(",");
  }

  /** Of the primary keys of those: the short ids, in hexadecimal. */
  get keyIds(): readonly string[] {
    return this.#own.map(({ key }) => key.getKeyID().toHex());
  }

  /** Whether the settings hold what reading takes; whether it fits is not known. */
  get canDecrypt(): boolean {
    return this.#private.some(({ key }) => key.isDecrypted() || this.#passphrase !== undefined);
  }

  async newSession(): Promise<SessionKey> {
    const encryptionKeys: PublicKey[] = this.#own.map(({ key }) => key);
    try {
      const { data, algorithm } = await generateSessionKey({ encryptionKeys });
      const wrapping = { data, algorithm, encryptionKeys, format: "binary" } as const;
      return { key: data, packets: await encryptSessionKey(wrapping) };
    } catch (error) {
      const problem = new ConfigError(
        `${this.#own.map(({ where }) => where).join(", ")}: ` +
          `cannot encrypt with key ${this.keyId} (${messageOf(error)})`,
        "Name a key that is meant for encryption, and has neither expired nor been revoked.",
      );
      problem.cause = error;
      throw problem;
    }
  }

  /** The key in the packets; undefined when none of them is for a key of ours. */
  async openSession(packets: Uint8Array): Promise<Uint8Array | undefined> {
    this.#unlocked ??= this.#unlock();
    const decryptionKeys = await this.#unlocked;
    let found: Awaited<ReturnType<typeof decryptSessionKeys>>;
    try {
      found = await decryptSessionKeys({
        message: await readMessage({ binaryMessage: packets }),
        decryptionKeys,
        // WAL-G encrypts for keys that say that they are only for signing.
        config: { allowInsecureDecryptionWithSigningKeys: true, allowMissingKeyFlags: true },
      });
    } catch {
      return undefined;
    }
    const [session] = found;
    const isFit = session !== undefined && SESSION_CIPHERS.includes(session.algorithm ?? "");
    return isFit ? session.data : undefined;
  }

  async #unlock(): Promise<PrivateKey[]> {
    if (this.#private.length === 0) {
      const where = this.#own.map((each) => each.where).join(", ");
      throw new ConfigError(
        `${where}: holds no private key, and reading needs one`,
        "Name the private key where backups and WAL are read; the public one is for writing.",
      );
    }
    return await Promise.all(this.#private.map((each) => this.#unlockOne(each)));
  }

  async #unlockOne({ where, key }: LocatedKey<PrivateKey>): Promise<PrivateKey> {
    if (key.isDecrypted()) return key;
    const name = `private key ${key.getFingerprint()}`;
    if (this.#passphrase === undefined) {
      throw new ConfigError(
        `${where}: ${name} has a passphrase, and PGP_KEY_PASSPHRASE is not set`,
        "Set PGP_KEY_PASSPHRASE where backups and WAL are read.",
      );
    }
    try {
      return await decryptKey({ privateKey: key, passphrase: this.#passphrase });
    } catch (error) {
      const problem = new ConfigError(
        `${where}: PGP_KEY_PASSPHRASE does not open ${name}`,
        "Set the passphrase of the key.",
      );
      problem.cause = error;
      throw problem;
    }
  }
}

/** Every key of the source once, private where it is there as such. */
async function parseKeys({ where, bytes }: KeySource): Promise<readonly LocatedKey<Key>[]> {
  const found = new Map<string, Key>();
  try {
    for (const key of await keysIn(bytes)) {
      const fingerprint = key.getFingerprint();
      if (found.get(fingerprint)?.isPrivate() !== true) found.set(fingerprint, key);
    }
  } catch (error) {
    const problem = new ConfigError(
      `${where}: is no OpenPGP key (${messageOf(error)})`,
      "Export one with `gpg --armor --export` or `gpg --armor --export-secret-keys`.",
    );
    problem.cause = error;
    throw problem;
  }
  return [...found.values()].map((key) => ({ where, key }));
}

async function keysIn(bytes: Uint8Array): Promise<readonly Key[]> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  const begins = [...text.matchAll(BLOCK_BEGIN)].map(({ index }) => index);
  if (begins.length === 0) return await readKeys({ binaryKeys: bytes });
  const blocks = begins.map((begin, index) => text.slice(begin, begins[index + 1]));
  return (await Promise.all(blocks.map((armoredKeys) => readKeys({ armoredKeys })))).flat();
}
