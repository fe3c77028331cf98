// Proves which settings choose which cipher, and that a cipher that we lack is always an error:
// never plain storage.
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../src/base/errors.ts";
import { SILENT_LOGGER } from "../../../src/base/log.ts";
import { openCipher } from "../../../src/cipher/registry.ts";
import { mapSettings } from "../../support/map-settings.ts";
import { makeOpenPgpKey } from "../../support/openpgp-key.ts";

const HEX_KEY = "0a".repeat(32);
const open = (settings: Record<string, string>, file = "") =>
  openCipher(mapSettings(settings), { log: SILENT_LOGGER, readFile: () => Buffer.from(file) });

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

  test.each([
    ["GPG_KEY_ID", "OpenPGP with gpg's key ring"],
    ["ENVELOPE_PGP_KEY", "enveloped OpenPGP"],
    ["ENVELOPE_PGP_KEY_PATH", "enveloped OpenPGP"],
    ["ENVELOPE_PGP_YC_CSE_KMS_KEY_ID", "enveloped OpenPGP"],
    ["CSE_KMS_ID", "AWS KMS"],
    ["CSE_KMS_REGION", "AWS KMS"],
    ["YC_CSE_KMS_KEY_ID", "Yandex Cloud KMS"],
    ["YC_SERVICE_ACCOUNT_KEY_FILE", "Yandex Cloud KMS"],
  ])("refuses %s, alone and beside libsodium", async (key, name) => {
    for (const others of [{}, { LIBSODIUM_KEY: HEX_KEY }]) {
      const opening = open({ ...others, [key]: "some-secret-value" });
      await expect(opening).rejects.toThrow(ConfigError);
      await expect(opening).rejects.toThrow(
        `${key} is set, and tidemark cannot do ${name} encryption yet`,
      );
    }
  });

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
      "PGP_KEY_PASSPHRASE is set, and neither PGP_KEY nor PGP_KEY_PATH is",
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
