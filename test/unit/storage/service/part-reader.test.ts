// Proves that parts add up to the stream whatever its chunks are, and that leases are given back.
import { describe, expect, test } from "vitest";
import { ByteBudget } from "../../../../src/base/byte-budget.ts";
import { PartBuffers } from "../../../../src/storage/service/part-buffers.ts";
import { type Part, PartReader } from "../../../../src/storage/service/part-reader.ts";
import { freedWhenRecycled } from "../../../../src/stream/chunk-pool.ts";
import { fuzzSeed, seededRandom } from "../../../support/random.ts";

const NEVER = new AbortController().signal;

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]) {
  let offset = 0;
  for (const size of sizes) {
    yield bytes.slice(offset, offset + size);
    offset += size;
  }
}

function readerOf(stream: AsyncIterable<Uint8Array>, sizeBytes: number | undefined) {
  const budget = new ByteBudget(1000);
  const buffers = new PartBuffers(1000);
  const partBytes = (partNumber: number) => (partNumber < 3 ? 10 : 20);
  return {
    budget,
    reader: new PartReader(stream, { budget, buffers, partBytes, sizeBytes, signal: NEVER }),
  };
}

async function parts(reader: PartReader): Promise<number[][]> {
  const found: number[][] = [];
  for (;;) {
    using part = await reader.next();
    found.push([...part.bytes]);
    part.recycle();
    if (part.isLast) return found;
  }
}

async function isFree(budget: ByteBudget): Promise<boolean> {
  const stop = AbortSignal.timeout(200);
  try {
    (await budget.lease(budget.totalBytes, stop))[Symbol.dispose]();
    return true;
  } catch {
    return false;
  }
}

describe("PartReader", () => {
  const seed = fuzzSeed();
  test(`cuts any stream into full parts and a last one (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    for (let round = 0; round < 300; round += 1) {
      const sizes = Array.from({ length: random.below(12) }, () => random.below(25));
      const total = sizes.reduce((sum, size) => sum + size, 0);
      const bytes = Uint8Array.from({ length: total }, () => random.below(256));
      const known = random.below(2) === 0 ? total : undefined;
      const { reader, budget } = readerOf(chunksOf(bytes, sizes), known);
      const found = await parts(reader);
      expect(found.flat()).toEqual([...bytes]);
      for (const [index, part] of found.slice(0, -1).entries()) {
        expect(part).toHaveLength(index < 2 ? 10 : 20);
      }
      expect(await isFree(budget)).toBe(true);
    }
  });

  test(`gives back just the chunks that were copied (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    for (let round = 0; round < 300; round += 1) {
      const sizes = Array.from({ length: 12 }, () => 1 + random.below(25));
      const total = sizes.reduce((sum, size) => sum + size, 0);
      const bytes = Uint8Array.from({ length: total }, () => random.below(256));
      const chunks: Uint8Array[] = [];
      const freed = async function* () {
        for await (const chunk of chunksOf(bytes, sizes)) {
          chunks.push(freedWhenRecycled(chunk));
          yield chunk;
        }
      };
      const { reader } = readerOf(freed(), undefined);
      const held: Part[] = [];
      do held.push(await reader.next());
      while (held.at(-1)?.isLast === false);
      // A part that is a view of a chunk would be empty by now if that had been given back.
      expect(held.flatMap((part) => [...part.bytes])).toEqual([...bytes]);
      const viewed = new Set(held.map((part) => part.bytes.buffer));
      for (const chunk of chunks) expect(chunk.byteLength > 0).toBe(viewed.has(chunk.buffer));
    }
  });

  test("a chunk that is just one part is not copied", async () => {
    const chunk = new Uint8Array(10);
    const { reader } = readerOf(chunksOf(chunk, [10]), 10);
    using part = await reader.next();
    expect(part.isLast).toBe(true);
    expect(part.bytes.byteLength).toBe(10);
  });

  test("a stream that fails gives its lease back and its error out", async () => {
    async function* failing() {
      yield new Uint8Array(3);
      throw new Error("broken");
    }
    const { reader, budget } = readerOf(failing(), undefined);
    await expect(reader.next()).rejects.toThrow("broken");
    expect(await isFree(budget)).toBe(true);
  });

  test("closing early makes the producer clean up", async () => {
    let isCleaned = false;
    async function* producer() {
      try {
        for (;;) yield new Uint8Array(10);
      } finally {
        isCleaned = true;
      }
    }
    const { reader } = readerOf(producer(), undefined);
    (await reader.next())[Symbol.dispose]();
    await reader.close();
    expect(isCleaned).toBe(true);
  });
});
