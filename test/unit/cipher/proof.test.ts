// Proves that a cipher is tried before much is stored with it: there, and back where that can be.
import { expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { proveCipher } from "../../../src/cipher/proof.ts";
import { aesCipher, PLAIN_CIPHER } from "../../support/aes-cipher.ts";
import { makeOpenPgpKey, openPgpCipher } from "../../support/openpgp-key.ts";

const NEVER = new AbortController().signal;

test("passes ciphers that read what they write", async () => {
  await proveCipher(PLAIN_CIPHER, NEVER);
  await proveCipher(aesCipher(new Uint8Array(32)), NEVER);
});

test("passes a public key, refuses a private one that its passphrase does not open", async () => {
  const key = await makeOpenPgpKey({ type: "ecc", passphrase: "open sesame" });
  await proveCipher(await openPgpCipher(key.public), NEVER);
  await proveCipher(await openPgpCipher(key.private), NEVER);
  await proveCipher(await openPgpCipher(key.private, { passphrase: "open sesame" }), NEVER);
  const wrong = await openPgpCipher(key.private, { passphrase: "open barley" });
  await expect(proveCipher(wrong, NEVER)).rejects.toThrow("PGP_KEY_PASSPHRASE does not open");
});

test("refuses a cipher that reads something else", async () => {
  const broken = { ...PLAIN_CIPHER, decrypt: aesCipher(new Uint8Array(32)).encrypt };
  await expect(proveCipher(broken, NEVER)).rejects.toThrow(CorruptObjectError);
});
