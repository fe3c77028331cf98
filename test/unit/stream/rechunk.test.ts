// Proves that every chunk but the last has the asked size, that no byte is lost or moved, that
// nothing is copied without need, and that a chunk is not written into after it was given out.
import { describe, expect, test } from "vitest";
import type { ByteStream } from "../../../src/stream/byte-stream.ts";
import { rechunk } from "../../../src/stream/rechunk.ts";

const BYTES = Uint8Array.from({ length: 100 }, (_, index) => index);

async function* cut(...sizes: number[]): ByteStream {
  let offset = 0;
  for (const size of sizes) {
    yield BYTES.subarray(offset, offset + size);
    offset += size;
  }
}

async function all(stream: ByteStream): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

describe("rechunk", () => {
  test.each([
    [[100], 7],
    [[1, 2, 3, 4, 90], 10],
    [[50, 50], 100],
    [[30, 0, 30, 40], 25],
    [[99, 1], 1],
    [[100], 1000],
  ])("of %j gives chunks of %d", async (sizes, chunkBytes) => {
    const chunks = await all(rechunk(chunkBytes)(cut(...sizes)));
    expect(chunks.map((chunk) => chunk.byteLength)).toEqual(
      Array.from({ length: Math.ceil(100 / chunkBytes) }, (_, index) =>
        Math.min(chunkBytes, 100 - index * chunkBytes),
      ),
    );
    expect(Buffer.concat(chunks)).toEqual(Buffer.from(BYTES));
  });

  test("gives nothing for nothing", async () => {
    expect(await all(rechunk(5)(cut()))).toEqual([]);
    expect(await all(rechunk(5)(cut(0, 0)))).toEqual([]);
  });

  test("copies nothing when chunks fit", async () => {
    for (const chunk of await all(rechunk(20)(cut(60, 40)))) {
      expect(chunk.buffer).toBe(BYTES.buffer);
    }
  });

  test("puts chunks together in the memory that it is given", async () => {
    const memory: Uint8Array[] = [];
    const allocate = (sizeBytes: number) => {
      const fresh = new Uint8Array(sizeBytes);
      memory.push(fresh);
      return fresh;
    };
    const chunks = await all(rechunk(50, allocate)(cut(30, 30, 40)));
    expect(chunks[0]).toBe(memory[0]);
    expect(memory).toHaveLength(2);
  });
});
