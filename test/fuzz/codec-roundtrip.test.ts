// Proves with random content, sizes, chunks and levels (seeded: the seed is in the title of a
// failure) that every codec that writes gives back what it got.
import { describe, expect, test } from "vitest";
import { openCodec, WRITABLE_CODECS } from "../../src/codec/registry.ts";
import { collect } from "../../src/stream/byte-stream.ts";
import { fuzzSeed } from "../support/random.ts";
import { inChunks, incompressible, pageLike, seededFractions } from "../support/sample-bytes.ts";

const ROUNDS = 40;
const LIMIT_BYTES = 1 << 28;
const SEED = fuzzSeed();

/** Pieces of different kinds in a row. */
function mixed(sizeBytes: number, random: () => number): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let left = sizeBytes; left > 0; ) {
    const size = Math.min(left, 1 + Math.floor(random() * sizeBytes));
    const seed = Math.floor(random() * 2 ** 31);
    const kind = random();
    if (kind < 0.4) pieces.push(pageLike(size, seed));
    else if (kind < 0.6) pieces.push(incompressible(size, seed));
    else pieces.push(new Uint8Array(size).fill(seed & 0xff));
    left -= size;
  }
  return Buffer.concat(pieces);
}

describe(`codecs on random content, seed ${SEED}`, () => {
  test.each(WRITABLE_CODECS)("%s", async (name) => {
    const random = seededFractions(SEED);
    // lzma is slow by its nature: a tenth is enough per run, as seeds change.
    const rounds = name === "lzma" ? ROUNDS / 10 : ROUNDS;
    for (let round = 0; round < rounds; round++) {
      const level = 1 + Math.floor(random() * 9);
      const zstdEngine = random() < 0.5 ? "builtin" : "addon";
      const parallelism = 1 + Math.floor(random() * 4);
      const codec = await openCodec(name, { level, zstdEngine, parallelism });
      const plain = mixed(Math.floor(random() ** 4 * (6 << 20)), random);
      const sizeBytesMax = 1 + Math.floor(random() ** 2 * (2 << 20));
      if (codec.compress === undefined) throw new Error(`${name} does not write`);
      const input = inChunks(plain, { sizeBytesMax, seed: round });
      const stored = await collect(codec.compress(input), LIMIT_BYTES);
      const again = codec.decompress(inChunks(stored, { sizeBytesMax, seed: round + 1 }));
      const result = await collect(again, LIMIT_BYTES);
      expect(Buffer.compare(result, plain), `seed ${SEED}, round ${round}`).toBe(0);
    }
  });
});
