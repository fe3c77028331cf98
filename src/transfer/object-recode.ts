import type { Cipher } from "../cipher/cipher.ts";
import type { StorageDriver } from "../storage/driver.ts";
import { ObjectExistsError } from "../storage/errors.ts";
import type { ObjectKey } from "../storage/object-key.ts";
import type { ByteStream } from "../stream/byte-stream.ts";
import { isSameContent } from "../stream/compare.ts";
import { countingMeter } from "../stream/meter.ts";
import {
  type CopiedObject,
  CopyConflictError,
  type CopyOutcome,
  type CopyWay,
} from "./object-copy.ts";

/** How the stored bytes change on their way; undefined: not at all. */
export interface Recoding {
  /** Of the source. */
  readonly decrypt: Cipher | undefined;
  /** Of the target. */
  readonly encrypt: Cipher | undefined;
}

/**
 * Copies an object decrypted, encrypted anew, or both. What is there already is compared by what
 * it says: encrypting the same twice gives other bytes.
 */
export async function recodeObject(
  { from, to, rules, onBytes }: CopyWay,
  { source, target }: Pick<CopiedObject, "source" | "target">,
  recoding: Recoding & { readonly signal: AbortSignal },
): Promise<CopyOutcome> {
  const { key } = source;
  const { decrypt, encrypt, signal } = recoding;
  if (target !== undefined) {
    const wanted = await opened(from, key, { cipher: decrypt, signal });
    const there = await opened(to, key, { cipher: encrypt, signal });
    if (await isSameContent(wanted, there)) {
      onBytes?.(source.sizeBytes);
      return "present";
    }
    if (!rules.mayReplace) {
      throw new CopyConflictError(key, { to: to.name, detail: "holds other content" });
    }
  }
  const body = {
    sizeBytes: undefined,
    replayable: true,
    async *open(stop: AbortSignal): ByteStream {
      const stored = countingMeter(onBytes).stage(await from.get(key, { signal: stop }));
      const plain = decrypt === undefined ? stored : decrypt.decrypt(stored);
      yield* encrypt === undefined ? plain : encrypt.encrypt(plain);
    },
  };
  try {
    await to.put(key, body, { ifAbsent: target === undefined, signal });
  } catch (cause) {
    if (!(cause instanceof ObjectExistsError)) throw cause;
    throw new CopyConflictError(key, { to: to.name, detail: "appeared meanwhile" });
  }
  return target === undefined ? "copied" : "replaced";
}

async function opened(
  driver: StorageDriver,
  key: ObjectKey,
  options: { readonly cipher: Cipher | undefined; readonly signal: AbortSignal },
): Promise<ByteStream> {
  const stored = await driver.get(key, { signal: options.signal });
  return options.cipher === undefined ? stored : options.cipher.decrypt(stored);
}
