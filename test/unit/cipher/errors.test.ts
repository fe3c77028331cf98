// Proves that a wrong key is told from damage by code and exit code, and says what to do.
import { expect, test } from "vitest";
import { ERROR_TABLE } from "../../../src/base/errors.ts";
import { corruptLibsodium, WrongKeyError } from "../../../src/cipher/errors.ts";

test("a wrong key has its own code and names the fingerprint", () => {
  const error = new WrongKeyError("libsodium data", "0badcafe");
  expect(error).toMatchObject({
    code: "wrong-key",
    keyId: "0badcafe",
    message: "libsodium data: key 0badcafe does not open it",
    isTransient: false,
  });
  expect(error.hint).toContain("Configure the key");
  expect(ERROR_TABLE[error.code].exitCode).toBe(31);
});

test("damage is a corrupt object", () => {
  expect(corruptLibsodium("chunk 3 is damaged")).toMatchObject({
    code: "corrupt-object",
    message: "libsodium data: chunk 3 is damaged",
  });
});
