import type { ChachaOpener } from "./dare.ts";

/**
 * ChaCha20-Poly1305 of RFC 8439, which the runtime's own library does not have. WAL-G writes it
 * only on processors without instructions for AES, so the engine that runs everywhere will do.
 */
export async function loadChachaOpener(): Promise<ChachaOpener> {
  const { default: sodium } = await import("libsodium-wrappers-sumo");
  await sodium.ready;
  return (sealed, { key, nonce, data }) => {
    try {
      return sodium.crypto_aead_chacha20poly1305_ietf_decrypt(null, sealed, data, nonce, key);
    } catch {
      return undefined;
    }
  };
}
