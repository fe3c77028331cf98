// CRC-32C against published check values, and against itself when the input is cut anywhere.
import { expect, test } from "vitest";
import { CRC32C_START, crc32c, finishCrc32c, updateCrc32c } from "../../../src/base/crc32c.ts";

test("gives the published values of RFC 3720", () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, index) => index);
  expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(ascending)).toBe(0x46dd794e);
  expect(crc32c(new Uint8Array(0))).toBe(0);
});

test("does not depend on how the bytes are cut", () => {
  const bytes = Uint8Array.from({ length: 61 }, (_, index) => (index * 151 + 7) & 0xff);
  const whole = crc32c(bytes);
  for (let cut = 0; cut <= bytes.byteLength; cut += 1) {
    const first = updateCrc32c(CRC32C_START, bytes, 0, cut);
    expect(finishCrc32c(updateCrc32c(first, bytes, cut, bytes.byteLength))).toBe(whole);
  }
});
