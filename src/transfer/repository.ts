import type { Cipher } from "../cipher/cipher.ts";
import type { Codec, CodecName } from "../codec/codec.ts";
import type { StorageDriver } from "../storage/driver.ts";

/** One storage with everything that is needed to write objects to it and read them back. */
export interface Repository {
  /** `default` for the primary storage; else the failover's name. */
  readonly name: string;
  readonly driver: StorageDriver;
  /** For writing. */
  readonly codec: Codec;
  readonly cipher: Cipher;
  /** For reading: any codec, loaded when first needed. */
  codecFor(name: CodecName): Promise<Codec>;
}
