// The cipher suite for libsodium, once per engine, and each engine on what the other wrote.
import { describe, expect, test } from "vitest";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import { openLibsodiumCipher, transformKey } from "../../src/cipher/libsodium.ts";
import { collect } from "../../src/stream/byte-stream.ts";
import { inChunks, incompressible } from "../support/sample-bytes.ts";
import { testCipher } from "./cipher.suite.ts";

const SIZES = [0, 1, 8191, 8192, 8193, 16384, 262143, 262144, 262145, 524288, 1_000_000];

function cipher(engine: "addon" | "wasm", text: string) {
  const key = transformKey(Buffer.from(text), "none");
  return openLibsodiumCipher(key, { log: SILENT_LOGGER, engine });
}

for (const engine of ["addon", "wasm"] as const) {
  testCipher({
    title: `libsodium, ${engine} engine`,
    open: async () => ({
      own: cipher(engine, "the first key, long enough for all"),
      other: cipher(engine, "the other key, long enough for all"),
    }),
    sizes: SIZES,
    damageStride: 1,
    chunks: { headBytes: 24, storedBytes: 8209 },
  });
}

describe("libsodium engines", () => {
  test.each([
    ["addon", "wasm"],
    ["wasm", "addon"],
  ] as const)("what %s wrote is read by %s", async (writer, reader) => {
    for (const sizeBytes of SIZES) {
      const plain = incompressible(sizeBytes, 1);
      const input = inChunks(plain, { sizeBytesMax: 10_000, seed: 2 });
      const stored = cipher(writer, "one key that both of them have").encrypt(input);
      const read = cipher(reader, "one key that both of them have").decrypt(stored);
      expect(Buffer.compare(await collect(read, 1 << 24), plain)).toBe(0);
    }
  });
});
