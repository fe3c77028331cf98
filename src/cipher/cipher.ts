import type { Stage } from "../stream/byte-stream.ts";

/**
 * One encryption format, byte-compatible with WAL-G's. Encryption comes after compression.
 * `decrypt` throws `WrongKeyError` when the first block refuses the key, and
 * `CorruptObjectError` when a later one fails or the stream lacks its final block.
 */
export interface Cipher {
  readonly name: string;
  /** Short public fingerprint of the key, kept in receipts; empty for `none`. Never the key. */
  readonly keyId: string;
  /**
   * Whether the settings hold what decrypting takes: with public keys one can write without it.
   * That the key fits is not said.
   */
  readonly canDecrypt: boolean;
  readonly encrypt: Stage;
  readonly decrypt: Stage;
}
