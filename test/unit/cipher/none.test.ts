// Proves that `none` hands the very same stream on and has no key, by identity.
import { expect, test } from "vitest";
import { NONE_CIPHER } from "../../../src/cipher/none.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";

test("hands the same stream on and has no key", () => {
  const stream = bytesSource("abc").open(new AbortController().signal);
  expect(NONE_CIPHER.encrypt(stream)).toBe(stream);
  expect(NONE_CIPHER.decrypt(stream)).toBe(stream);
  expect(NONE_CIPHER.keyId).toBe("");
});
