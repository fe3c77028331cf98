// Proves with random content, sizes and chunks (seeded: the seed is in the title of a failure)
// that lzma data past several slides of the writer's memory, with repeats around the edges of
// its reach, is read by the standard tool and by us.
import { describe, expect, test } from "vitest";
import { defined } from "../../src/base/assert.ts";
import { LZMA_CODEC } from "../../src/codec/lzma.ts";
import { HISTORY_BYTES, SLIDE_BYTES } from "../../src/codec/lzma-matches.ts";
import { collect } from "../../src/stream/byte-stream.ts";
import { runTool } from "../support/compression-tool.ts";
import { fuzzSeed } from "../support/random.ts";
import {
  distantCopies,
  inChunks,
  incompressible,
  pageLike,
  seededFractions,
} from "../support/sample-bytes.ts";

const LIMIT_BYTES = 1 << 28;
const MIB = 1 << 20;
const SEED = fuzzSeed();
const EDGES = [SLIDE_BYTES, HISTORY_BYTES, HISTORY_BYTES + SLIDE_BYTES, 4 * MIB, 8 * MIB];

/** Some content, of a size that is often just past a slide. */
function content(random: () => number): Uint8Array {
  const below = (limit: number) => Math.floor(random() * limit);
  const slides = below(4) * SLIDE_BYTES;
  const sizeBytes = HISTORY_BYTES + SLIDE_BYTES + slides + below(random() < 0.5 ? 600 : MIB);
  const kind = random();
  if (kind < 0.5) {
    const distanceMax = 1 + below(random() < 0.5 ? 5000 : 5 * MIB);
    return distantCopies(sizeBytes, { seed: below(2 ** 31), distanceMax, lengthMax: 900 });
  }
  const bytes = kind < 0.75 ? pageLike(sizeBytes, below(2 ** 31)) : incompressible(sizeBytes, 1);
  const edge = EDGES[below(EDGES.length)] ?? HISTORY_BYTES;
  for (let count = 0; count < 200; count++) {
    const distance = edge - 300 + below(600);
    const from = below(Math.max(1, sizeBytes - distance));
    bytes.copyWithin(from + distance, from, from + 1 + below(2000));
  }
  return bytes;
}

describe(`lzma past its history, seed ${SEED}`, () => {
  test.each([0, 1, 2, 3])("round %d", async (round) => {
    const random = seededFractions(SEED + round);
    const plain = content(random);
    const sizeBytesMax = 1 + Math.floor(random() ** 3 * 4 * MIB);
    const where = `seed ${SEED}, round ${round}, chunks up to ${sizeBytesMax}`;
    const compress = defined(LZMA_CODEC.compress, "compress");
    const input = inChunks(plain, { sizeBytesMax: Math.max(sizeBytesMax, 500), seed: round });
    const stored = await collect(compress(input), LIMIT_BYTES);
    const byTool = runTool("xz", ["--format=lzma", "-dc"], stored);
    expect(Buffer.compare(byTool, plain), `the standard tool, ${where}`).toBe(0);
    const again = LZMA_CODEC.decompress(inChunks(stored, { sizeBytesMax, seed: round + 1 }));
    expect(Buffer.compare(await collect(again, LIMIT_BYTES), plain), where).toBe(0);
  });
});
