// Proves AES-CFB against published vectors and, in any pieces, against the library's own.
import { createCipheriv } from "node:crypto";
import { describe, expect, test } from "vitest";
import { AesCfb } from "../../../src/cipher/aes-cfb.ts";
import { incompressible, seededFractions } from "../../support/sample-bytes.ts";

function run(cfb: AesCfb, bytes: Uint8Array, random: () => number): Buffer {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.byteLength; ) {
    const size = Math.floor(random() * 70);
    pieces.push(cfb.update(bytes.subarray(at, at + size)));
    at += size;
  }
  return Buffer.concat([...pieces, cfb.final()]);
}

describe("AesCfb", () => {
  // NIST SP 800-38A has other initial vectors: the key stream of zeros is its ECB of zeros.
  test("begins with the encryption of zeros, as published", () => {
    const result = new AesCfb(new Uint8Array(16), "encrypt").update(new Uint8Array(16));
    expect(Buffer.from(result).toString("hex")).toBe("66e94bd4ef8a2c3b884cfa59ca342b2e");
  });

  test.each([16, 32])("is what the library gives with %d bytes of key", (keyBytes) => {
    const random = seededFractions(keyBytes);
    const key = incompressible(keyBytes, 1);
    for (const sizeBytes of [0, 1, 15, 16, 17, 31, 32, 100, 4099]) {
      const plain = incompressible(sizeBytes, 2);
      const cipher = createCipheriv(`aes-${keyBytes * 8}-cfb`, key, new Uint8Array(16));
      const stored = Buffer.concat([cipher.update(plain), cipher.final()]);
      expect(run(new AesCfb(key, "encrypt"), plain, random)).toEqual(stored);
      expect(run(new AesCfb(key, "decrypt"), stored, random)).toEqual(Buffer.from(plain));
    }
  });

  test("gives back what it encrypted with 24 bytes of key", () => {
    const random = seededFractions(24);
    const key = incompressible(24, 3);
    const plain = Buffer.from(incompressible(5000, 4));
    const stored = run(new AesCfb(key, "encrypt"), plain, random);
    expect(run(new AesCfb(key, "decrypt"), stored, random)).toEqual(plain);
  });
});
