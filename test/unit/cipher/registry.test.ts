// Proves which settings choose which cipher, and that a cipher that we lack is always an error:
// never plain storage.
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../src/base/errors.ts";
import type { Cipher } from "../../../src/cipher/cipher.ts";
import { WrongKeyError } from "../../../src/cipher/errors.ts";
import { bytesSource, collect } from "../../../src/stream/byte-stream.ts";
import { cipherOf } from "../../support/open-cipher.ts";
import { makeOpenPgpKey } from "../../support/openpgp-key.ts";

const LIMIT_BYTES = 1 << 16;
const { signal } = new AbortController();
const encrypted = (cipher: Cipher) =>
  collect(cipher.encrypt(bytesSource("content").open(signal)), LIMIT_BYTES);
const decrypted = async (cipher: Cipher, stored: Uint8Array) =>
  Buffer.from(
    await collect(cipher.decrypt(bytesSource(stored).open(signal)), LIMIT_BYTES),
  ).toString();
const HEX_KEY = "0a".repeat(32);
const open = (settings: Record<string, string>, file = "") => cipherOf(settings, file);

describe("openCipher", () => {
  test("is none when nothing asks for encryption", async () => {
    expect((await open({})).name).toBe("none");
    expect((await open({ LIBSODIUM_KEY_TRANSFORM: "hex" })).name).toBe("none");
  });

  test("is libsodium with the same key from text and file", async () => {
    const fromText = await open({ LIBSODIUM_KEY: HEX_KEY, LIBSODIUM_KEY_TRANSFORM: "hex" });
    const fromFile = await open(
      { LIBSODIUM_KEY_PATH: "/k", LIBSODIUM_KEY_TRANSFORM: "hex" },
      `${HEX_KEY}\n`,
    );
    expect(fromText.name).toBe("libsodium");
    expect(fromFile.keyId).toBe(fromText.keyId);
    expect((await open({ LIBSODIUM_KEY: HEX_KEY })).keyId).not.toBe(fromText.keyId);
  });

  test("reads libsodium keys of earlier times, each written in its own way", async () => {
    const older = await open({ LIBSODIUM_KEY: HEX_KEY });
    const own = { LIBSODIUM_KEY: "0b".repeat(32), LIBSODIUM_KEY_TRANSFORM: "hex" };
    const stored = await encrypted(older);
    await expect(decrypted(await open(own), stored)).rejects.toThrow(WrongKeyError);
    const both = await open({ ...own, LIBSODIUM_OLD_KEY_PATHS: "none:/old" }, `${HEX_KEY}\n`);
    expect(both.keyId).toBe((await open(own)).keyId);
    expect(await decrypted(both, stored)).toBe("content");
    expect(await decrypted(await open(own), await encrypted(both))).toBe("content");
    const asHex = await open({ ...own, LIBSODIUM_OLD_KEY_PATHS: "/a, /b" }, HEX_KEY);
    const refused = decrypted(asHex, stored);
    await expect(refused).rejects.toThrow(/^libsodium data: key (?:[0-9a-f]{8},?){3} does not/);
    for (const text of ["", " ", "short"]) {
      const opening = open({ ...own, LIBSODIUM_OLD_KEY_PATHS: "/old" }, text);
      await expect(opening).rejects.toThrow("LIBSODIUM_OLD_KEY_PATHS=/old");
    }
  });

  test("refuses gpg's key ring, alone and beside another key", async () => {
    for (const others of [{}, { LIBSODIUM_KEY: HEX_KEY }]) {
      const opening = open({ ...others, GPG_KEY_ID: "0x1234" });
      await expect(opening).rejects.toThrow("GPG_KEY_ID is set, and tidemark does not ask gpg");
    }
  });

  test.each([
    ["CSE_KMS_REGION", "CSE_KMS_ID"],
    ["CSE_KMS_ENDPOINT", "CSE_KMS_ID"],
    ["YC_SERVICE_ACCOUNT_KEY_FILE", "YC_CSE_KMS_KEY_ID"],
    ["YC_CSE_KMS_ENDPOINT", "YC_CSE_KMS_KEY_ID"],
    ["ENVELOPE_PGP_YC_CSE_KMS_KEY_ID", "ENVELOPE_PGP_KEY or ENVELOPE_PGP_KEY_PATH"],
    ["ENVELOPE_PGP_YC_SERVICE_ACCOUNT_KEY_FILE", "ENVELOPE_PGP_KEY or ENVELOPE_PGP_KEY_PATH"],
    ["ENVELOPE_PGP_YC_ENDPOINT", "ENVELOPE_PGP_KEY or ENVELOPE_PGP_KEY_PATH"],
    ["LIBSODIUM_OLD_KEY_PATHS", "LIBSODIUM_KEY or LIBSODIUM_KEY_PATH"],
  ])("refuses %s without %s, which would leave objects in plain", async (key, missing) => {
    const opening = open({ [key]: "some-secret-value" });
    await expect(opening).rejects.toThrow(ConfigError);
    await expect(opening).rejects.toThrow(`${key} is set, and ${missing} is not`);
  });

  const AWS = { CSE_KMS_ID: "alias/a", CSE_KMS_REGION: "eu-north-1" };
  const YANDEX = { YC_CSE_KMS_KEY_ID: "abj1" };
  const ENVELOPE = { ENVELOPE_PGP_KEY: "AAAA", ENVELOPE_PGP_YC_CSE_KMS_KEY_ID: "abj2" };

  test("takes the first in WAL-G's order, and asks no service yet", async () => {
    const SODIUM = { LIBSODIUM_KEY: HEX_KEY };
    expect((await open({ ...ENVELOPE, ...AWS, ...YANDEX, ...SODIUM })).name).toBe(
      "enveloped-openpgp",
    );
    expect((await open({ ...AWS, ...YANDEX, ...SODIUM })).name).toBe("aws-kms");
    expect((await open({ ...YANDEX, ...SODIUM })).name).toBe("yandex-kms");
  });

  test("refuses OpenPGP together with its envelope, and envelopes that are no base64", async () => {
    await expect(open({ ...ENVELOPE, PGP_KEY: "x" })).rejects.toThrow("are both set");
    for (const key of ["", "no-base64", "AAA"]) {
      const opening = open({ ...ENVELOPE, ENVELOPE_PGP_KEY: key });
      await expect(opening).rejects.toThrow("ENVELOPE_PGP_KEY");
    }
    const { ENVELOPE_PGP_KEY } = ENVELOPE;
    await expect(open({ ENVELOPE_PGP_KEY })).rejects.toThrow(
      "ENVELOPE_PGP_YC_CSE_KMS_KEY_ID: the KMS key has no name",
    );
    const fromFile = { ENVELOPE_PGP_KEY_PATH: "/k", ENVELOPE_PGP_YC_CSE_KMS_KEY_ID: "abj2" };
    expect((await open(fromFile, "AAAA\n")).keyId).toBe((await open(ENVELOPE)).keyId);
  });

  test.each(["no json", "[]", "null", '{"id":"a","service_account_id":"b"}'])(
    "refuses a service account's file with %j",
    async (file) => {
      const opening = open({ ...YANDEX, YC_SERVICE_ACCOUNT_KEY_FILE: "/sa" }, file);
      await expect(opening).rejects.toThrow("YC_SERVICE_ACCOUNT_KEY_FILE=/sa: the file");
    },
  );

  test("is OpenPGP with a key from text, with \\n for line ends, or from a file", async () => {
    const key = await makeOpenPgpKey({ type: "ecc" });
    const armored = Buffer.from(key.public).toString();
    const fromText = await open({ PGP_KEY: armored.replaceAll("\n", "\\n") });
    expect(fromText).toMatchObject({ name: "openpgp", canDecrypt: false });
    expect(fromText.keyId).toMatch(/^[0-9a-f]{40}$/);
    // As in WAL-G it comes before libsodium, and the text before the file.
    const others = { LIBSODIUM_KEY: HEX_KEY, PGP_KEY_PATH: "/k" };
    expect((await open({ PGP_KEY: armored, ...others }, "no key")).keyId).toBe(fromText.keyId);
    const fromFile = await open({ PGP_KEY_PATH: "/k" }, Buffer.from(key.private).toString());
    expect(fromFile).toMatchObject({ keyId: fromText.keyId, canDecrypt: true });
  });

  test("refuses settings of OpenPGP that would leave objects in plain", async () => {
    await expect(open({ PGP_KEY_PASSPHRASE: "secret" })).rejects.toThrow(
      "PGP_KEY_PASSPHRASE is set, and PGP_KEY or PGP_KEY_PATH is not",
    );
    await expect(open({ PGP_OLD_KEY_PATHS: "/old" })).rejects.toThrow("PGP_OLD_KEY_PATHS is set");
    for (const text of ["", "no key", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabcd"]) {
      const opening = open({ PGP_KEY_PATH: "/k" }, text);
      await expect(opening).rejects.toThrow(ConfigError);
      await expect(opening).rejects.toThrow("PGP_KEY_PATH=/k: is no OpenPGP key");
    }
  });

  test("refuses an unknown transform and a key that is too short", async () => {
    await expect(open({ LIBSODIUM_KEY: HEX_KEY, LIBSODIUM_KEY_TRANSFORM: "HEX" })).rejects.toThrow(
      "LIBSODIUM_KEY_TRANSFORM=HEX: no such transform",
    );
    await expect(open({ LIBSODIUM_KEY: "short" })).rejects.toThrow(ConfigError);
  });
});
