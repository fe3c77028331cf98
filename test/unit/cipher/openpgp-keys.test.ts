// Proves which keys write and which read: rings, earlier keys, passphrases, and the errors of keys
// that cannot.
import { generateKey } from "openpgp";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../src/base/errors.ts";
import type { Cipher } from "../../../src/cipher/cipher.ts";
import { WrongKeyError } from "../../../src/cipher/errors.ts";
import { collect } from "../../../src/stream/byte-stream.ts";
import { makeOpenPgpKey, openPgpCipher } from "../../support/openpgp-key.ts";
import { inChunks } from "../../support/sample-bytes.ts";

const PLAIN = Buffer.from("what is stored");

async function encrypted(cipher: Cipher): Promise<Uint8Array> {
  return await collect(cipher.encrypt(inChunks(PLAIN, { sizeBytesMax: 9, seed: 1 })), 1 << 20);
}

async function decrypted(cipher: Cipher, stored: Uint8Array): Promise<string> {
  const read = cipher.decrypt(inChunks(stored, { sizeBytesMax: 99, seed: 2 }));
  return Buffer.from(await collect(read, 1 << 20)).toString();
}

const [first, second] = await Promise.all([
  makeOpenPgpKey({ type: "ecc" }),
  makeOpenPgpKey({ type: "ecc" }),
]);
const locked = await makeOpenPgpKey({ type: "ecc", passphrase: "open sesame" });

describe("keys", () => {
  test("write with the public one, and cannot read with it", async () => {
    const cipher = await openPgpCipher(first.public);
    const stored = await encrypted(cipher);
    expect(await decrypted(await openPgpCipher(first.private), stored)).toBe(PLAIN.toString());
    const reading = decrypted(cipher, stored);
    await expect(reading).rejects.toThrow(ConfigError);
    await expect(reading).rejects.toThrow("PGP_KEY_PATH=own.asc: holds no private key");
  });

  test("of a ring can each read, and the ring reads what is for one of them", async () => {
    const ring = await openPgpCipher(Buffer.concat([first.public, second.private]));
    const stored = await encrypted(ring);
    for (const key of [first, second]) {
      const own = await openPgpCipher(key.private);
      expect(await decrypted(own, stored)).toBe(PLAIN.toString());
      expect(ring.keyId).toContain(own.keyId);
    }
    const onlySecond = await encrypted(await openPgpCipher(second.public));
    expect(await decrypted(ring, onlySecond)).toBe(PLAIN.toString());
  });

  test("of earlier times read, and do not write", async () => {
    const old = await encrypted(await openPgpCipher(first.public));
    const cipher = await openPgpCipher(second.private, { older: [first.private] });
    expect(await decrypted(cipher, old)).toBe(PLAIN.toString());
    const reading = decrypted(await openPgpCipher(first.private), await encrypted(cipher));
    await expect(reading).rejects.toThrow(WrongKeyError);
    expect(cipher.keyId).toBe((await openPgpCipher(second.private)).keyId);
  });

  test("with a passphrase write without it, and do not read without it", async () => {
    const without = await openPgpCipher(locked.private);
    expect(without.canDecrypt).toBe(false);
    const stored = await encrypted(without);
    await expect(decrypted(without, stored)).rejects.toThrow("PGP_KEY_PASSPHRASE is not set");
    const wrong = await openPgpCipher(locked.private, { passphrase: "open barley" });
    const reading = decrypted(wrong, stored);
    await expect(reading).rejects.toThrow("PGP_KEY_PASSPHRASE does not open private key");
    await expect(reading).rejects.not.toThrow("barley");
    const right = await openPgpCipher(locked.private, { passphrase: "open sesame" });
    expect(right.canDecrypt).toBe(true);
    expect(await decrypted(right, stored)).toBe(PLAIN.toString());
  });

  test("that have expired do not write", async () => {
    const make = async (date: Date, seconds: number) => {
      const { privateKey } = await generateKey({
        type: "ecc",
        userIDs: [{ name: "test" }],
        date,
        keyExpirationTime: seconds,
      });
      return await openPgpCipher(Buffer.from(privateKey));
    };
    const expired = await make(new Date(Date.UTC(2020, 0, 1)), 60);
    const writing = encrypted(expired);
    await expect(writing).rejects.toThrow(ConfigError);
    await expect(writing).rejects.toThrow(`cannot encrypt with key ${expired.keyId}`);
  });
});
