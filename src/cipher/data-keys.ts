import type { Cipher } from "./cipher.ts";
import { WrongKeyError } from "./errors.ts";

/** A service that encrypts small keys with a key of its own, which never leaves it. */
export interface KeyService {
  /** What it is and the key that is asked for, for messages and logs: never a secret. */
  readonly name: string;
  encrypt(plain: Uint8Array): Promise<Uint8Array>;
  /** Throws `RefusedByKeyService` for what none of its keys opens. */
  decrypt(encrypted: Uint8Array): Promise<Uint8Array>;
}

/** The service was asked and says that this is nothing that it encrypted. */
export class RefusedByKeyService extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = "RefusedByKeyService";
  }
}

export interface DataKey {
  readonly key: Uint8Array;
  /** The key as it lies in the object. */
  readonly encrypted: Uint8Array;
}

export const DATA_KEY_BYTES = 32;
/** A restore meets one key for each run that wrote: a backup's, and one per archived segment. */
const KNOWN_MAX = 1000;

/** How the answers of a service are told: of what data, and by which fingerprint of its key. */
export type KeyOwner = Pick<Cipher, "keyId"> & { readonly what: string };

/** What a service opened, asked once for each of them, as long as the process lives. */
export class OpenedSecrets {
  readonly #service: KeyService;
  readonly #owner: KeyOwner;
  readonly #known = new Map<string, Promise<Uint8Array>>();

  constructor(service: KeyService, owner: KeyOwner) {
    this.#service = service;
    this.#owner = owner;
  }

  /** `WrongKeyError` when the service refuses it. */
  open(encrypted: Uint8Array): Promise<Uint8Array> {
    const name = Buffer.from(encrypted).toString("latin1");
    const known = this.#known.get(name) ?? this.#ask(encrypted, name);
    // The latest last: what was not asked for in a long time is forgotten first.
    this.#known.delete(name);
    this.#remember(name, known);
    return known;
  }

  /** Of a key that was made here: nobody needs to be asked for it. */
  know({ key, encrypted }: DataKey): void {
    this.#remember(Buffer.from(encrypted).toString("latin1"), Promise.resolve(key));
  }

  #remember(name: string, secret: Promise<Uint8Array>): void {
    this.#known.set(name, secret);
    const [oldest] = this.#known.keys();
    if (this.#known.size > KNOWN_MAX && oldest !== undefined) this.#known.delete(oldest);
  }

  async #ask(encrypted: Uint8Array, name: string): Promise<Uint8Array> {
    try {
      return await this.#service.decrypt(encrypted);
    } catch (error) {
      // What failed is asked again the next time.
      this.#known.delete(name);
      if (!(error instanceof RefusedByKeyService)) throw error;
      const { what, keyId } = this.#owner;
      throw new WrongKeyError(what, keyId, { detail: error.message, cause: error });
    }
  }
}

/** Public: tells keys of services apart by their names. */
export function serviceKeyId(cipher: string, keyName: string): string {
  const hasher = new Bun.CryptoHasher("sha256");
  return hasher.update(`tidemark ${cipher} key id\0${keyName}`).digest("hex").slice(0, 8);
}
