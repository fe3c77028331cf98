import { CorruptObjectError } from "../base/errors.ts";
import { bytesSource, collect } from "../stream/byte-stream.ts";
import type { Cipher } from "./cipher.ts";

const SAMPLE = "what is encrypted can be read again";
const LIMIT_BYTES = 1 << 16;

/**
 * A few bytes there and back, for whoever is about to store much: keys that cannot encrypt, or do
 * not open although the settings hold what it takes, are told before anything is stored.
 */
export async function proveCipher(cipher: Cipher, signal: AbortSignal): Promise<void> {
  const stored = await collect(cipher.encrypt(bytesSource(SAMPLE).open(signal)), LIMIT_BYTES);
  if (!cipher.canDecrypt) return;
  const read = await collect(cipher.decrypt(bytesSource(stored).open(signal)), LIMIT_BYTES);
  if (Buffer.compare(read, Buffer.from(SAMPLE)) === 0) return;
  throw new CorruptObjectError(`${cipher.name} data`, "is read as something else");
}
