// Proves the WebAssembly engine against libsodium's own interface, and that it gives its memory
// back: many streams, one after the other, do not make the module grow.
import sodium from "libsodium-wrappers-sumo";
import { describe, expect, test } from "vitest";
import { PLAIN_BATCH_BYTES } from "../../../src/cipher/secretstream.ts";
import { openWasmEngine } from "../../../src/cipher/secretstream-wasm.ts";
import { testSecretStreamEngine } from "./secretstream-engine.suite.ts";

describe("wasm engine", () => {
  test("gives its memory back", async () => {
    const engine = await openWasmEngine();
    const { libsodium } = sodium as unknown as { libsodium: { HEAPU8: Uint8Array } };
    const key = new Uint8Array(32);
    const plain = new Uint8Array(PLAIN_BATCH_BYTES);
    const run = () => {
      using sealer = engine.seal(key);
      const stored = sealer.batch(plain, true);
      using opener = engine.open(key, sealer.header);
      return opener.batch(stored.subarray(0, 3 * 8209), false).byteLength;
    };
    run();
    const before = libsodium.HEAPU8.byteLength;
    for (let round = 0; round < 100; round++) expect(run()).toBe(3 * 8192);
    expect(libsodium.HEAPU8.byteLength).toBe(before);
  });

  test("leaves no key in its memory", async () => {
    const engine = await openWasmEngine();
    const { libsodium } = sodium as unknown as { libsodium: { HEAPU8: Uint8Array } };
    const key = Uint8Array.from(Buffer.from("a key to look for in the memory!"));
    engine.seal(key)[Symbol.dispose]();
    expect(Buffer.from(libsodium.HEAPU8).includes(key)).toBe(false);
  });

  testSecretStreamEngine(openWasmEngine);
});
