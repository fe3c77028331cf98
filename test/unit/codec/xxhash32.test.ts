// Proves that the hash that is fed in pieces equals the runtime's of the whole, for every short
// length and for long inputs in random pieces.
import { expect, test } from "vitest";
import { XxHash32 } from "../../../src/codec/xxhash32.ts";
import { incompressible, seededFractions } from "../../support/sample-bytes.ts";

test("equals the runtime's hash for every length up to 100, at every cut", () => {
  const bytes = incompressible(100, 1);
  for (let sizeBytes = 0; sizeBytes <= 100; sizeBytes++) {
    const whole = bytes.subarray(0, sizeBytes);
    for (let cut = 0; cut <= sizeBytes; cut++) {
      const hash = new XxHash32();
      hash.update(whole.subarray(0, cut));
      hash.update(whole.subarray(cut));
      expect(hash.digest()).toBe(Bun.hash.xxHash32(whole));
    }
  }
});

test("equals the runtime's hash in random pieces, also midway", () => {
  const bytes = incompressible(300_000, 2);
  const random = seededFractions(3);
  const hash = new XxHash32();
  for (let offset = 0; offset < bytes.byteLength; ) {
    const end = offset + Math.floor(random() * 5000);
    hash.update(bytes.subarray(offset, end));
    offset = Math.min(end, bytes.byteLength);
    expect(hash.digest()).toBe(Bun.hash.xxHash32(bytes.subarray(0, offset)));
  }
});
