import { generateKey } from "openpgp";
import type { Cipher } from "../../src/cipher/cipher.ts";
import { openOpenPgpCipher } from "../../src/cipher/openpgp.ts";

export interface TestKey {
  readonly private: Uint8Array;
  readonly public: Uint8Array;
}

/** A fresh pair of armored keys: RSA-2048 unless said, without a passphrase. */
export async function makeOpenPgpKey(
  options: { readonly type?: "rsa" | "ecc"; readonly passphrase?: string } = {},
): Promise<TestKey> {
  const { type = "rsa", passphrase } = options;
  const { privateKey, publicKey } = await generateKey({
    ...(type === "rsa" ? { type, rsaBits: 2048 } : { type }),
    userIDs: [{ name: "test" }],
    ...(passphrase === undefined ? {} : { passphrase }),
  });
  return { private: Buffer.from(privateKey), public: Buffer.from(publicKey) };
}

export async function openPgpCipher(
  own: Uint8Array,
  options: { readonly older?: readonly Uint8Array[]; readonly passphrase?: string } = {},
): Promise<Cipher> {
  return await openOpenPgpCipher({
    own: { where: "PGP_KEY_PATH=own.asc", bytes: own },
    older: (options.older ?? []).map((bytes) => ({ where: "PGP_OLD_KEY_PATHS=old.asc", bytes })),
    passphrase: options.passphrase,
  });
}
