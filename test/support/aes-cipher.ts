import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { CorruptObjectError } from "../../src/base/errors.ts";
import type { Cipher } from "../../src/cipher/cipher.ts";
import { collect } from "../../src/stream/byte-stream.ts";

/**
 * A real cipher of its own (AES-256-GCM, nonce in front, tag behind) for tests that must hold for
 * any cipher: its output differs each time and is longer than its input.
 */
export function aesCipher(key: Uint8Array): Cipher {
  return {
    name: "test-aes",
    keyId: "test-key",
    canDecrypt: true,
    encrypt: async function* (input) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      const body = cipher.update(await collect(input, Number.MAX_SAFE_INTEGER));
      cipher.final();
      yield Buffer.concat([nonce, body, cipher.getAuthTag()]);
    },
    decrypt: async function* (input) {
      const bytes = await collect(input, Number.MAX_SAFE_INTEGER);
      if (bytes.byteLength < 28) throw new CorruptObjectError("test-aes", "too short");
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12));
      decipher.setAuthTag(bytes.subarray(-16));
      const plain = decipher.update(bytes.subarray(12, -16));
      try {
        decipher.final();
      } catch (cause) {
        throw new CorruptObjectError("test-aes", "the tag does not match", { cause });
      }
      yield plain;
    },
  };
}

/** Passes bytes as they are: what a repository without encryption has. */
export const PLAIN_CIPHER: Cipher = {
  name: "none",
  keyId: "",
  canDecrypt: true,
  encrypt: (input) => input,
  decrypt: (input) => input,
};
