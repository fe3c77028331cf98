// Proves with random damage (seeded: the seed is in the title of a failure) that nothing but the
// untouched object decrypts, with each cipher and engine.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../src/base/errors.ts";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import type { Cipher } from "../../src/cipher/cipher.ts";
import { WrongKeyError } from "../../src/cipher/errors.ts";
import { openLibsodiumCipher } from "../../src/cipher/libsodium.ts";
import { collect } from "../../src/stream/byte-stream.ts";
import { makeOpenPgpKey, openPgpCipher } from "../support/openpgp-key.ts";
import { fuzzSeed } from "../support/random.ts";
import { inChunks, incompressible, seededFractions } from "../support/sample-bytes.ts";

const ROUNDS = 400;
const LIMIT_BYTES = 1 << 24;
const SEED = fuzzSeed();

describe(`ciphers under random damage, seed ${SEED}`, () => {
  test.each(["addon", "wasm"] as const)("libsodium, %s engine", async (engine) => {
    const key = incompressible(32, SEED);
    await expectRefusals(openLibsodiumCipher(key, { log: SILENT_LOGGER, engine }));
  });

  test("OpenPGP", async () => {
    await expectRefusals(await openPgpCipher((await makeOpenPgpKey()).private));
  });
});

async function expectRefusals(cipher: Cipher): Promise<void> {
  const random = seededFractions(SEED);
  for (let round = 0; round < ROUNDS; round++) {
    const plain = incompressible(Math.floor(random() ** 2 * 60_000), round);
    const stored = await collect(
      cipher.encrypt(inChunks(plain, { sizeBytesMax: 9000, seed: round })),
      LIMIT_BYTES,
    );
    const at = Math.floor(random() * stored.byteLength);
    const to = at + Math.floor(random() * 20_000);
    const kind = Math.floor(random() * 4);
    const flipped = Buffer.from(stored);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    const bytes = [
      flipped,
      stored.subarray(0, at),
      Buffer.concat([stored.subarray(0, at), stored.subarray(to + 1)]),
      Buffer.concat([stored.subarray(0, to), stored.subarray(at)]),
    ][kind];
    if (bytes === undefined || Buffer.compare(bytes, stored) === 0) continue;
    const reading = collect(
      cipher.decrypt(inChunks(bytes, { sizeBytesMax: 9000, seed: round })),
      LIMIT_BYTES,
    );
    const result: unknown = await reading.catch((error: unknown) => error);
    const isRefused = result instanceof CorruptObjectError || result instanceof WrongKeyError;
    expect(isRefused, `seed ${SEED}, round ${round}, kind ${kind}`).toBe(true);
  }
}
