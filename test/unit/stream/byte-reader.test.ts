// Proves that exact numbers of bytes come out whatever the chunks are, that the end is told by
// short reads only, and that closing reaches the producer; by reading known bytes.
import { describe, expect, test } from "vitest";
import { ByteReader } from "../../../src/stream/byte-reader.ts";
import type { ByteStream } from "../../../src/stream/byte-stream.ts";
import { freedWhenRecycled, recycle } from "../../../src/stream/chunk-pool.ts";

const TEN = Uint8Array.from({ length: 10 }, (_, index) => index);

async function* chunks(...sizes: number[]): ByteStream {
  let offset = 0;
  for (const size of sizes) {
    yield TEN.subarray(offset, offset + size);
    offset += size;
  }
}

describe("ByteReader", () => {
  test("shows what is there without waiting, and gives it", async () => {
    const reader = new ByteReader(chunks(6, 4));
    expect(reader.buffered()).toHaveLength(0);
    await reader.read(1);
    expect([...reader.buffered()]).toEqual([1, 2, 3, 4, 5]);
    expect([...reader.take(3)]).toEqual([1, 2, 3]);
    expect([...reader.buffered()]).toEqual([4, 5]);
    expect(reader.consumedBytes).toBe(4);
    expect(() => reader.take(3)).toThrow("more is taken");
    expect([...(await reader.read(3))]).toEqual([4, 5, 6]);
    expect([...reader.buffered()]).toEqual([7, 8, 9]);
  });

  test("a chunk is recycled once all that was read from it was", async () => {
    const made = [TEN.slice(0, 6), TEN.slice(6)].map((chunk) => freedWhenRecycled(chunk));
    async function* producer(): ByteStream {
      yield* made;
    }
    const reader = new ByteReader(producer());
    const [first, second] = [await reader.read(2), await reader.read(2)];
    // Over both chunks: it is copied.
    const third = await reader.read(3);
    recycle(second);
    expect(made.map(({ buffer }) => buffer.detached)).toEqual([false, false]);
    expect([...first]).toEqual([0, 1]);
    recycle(first);
    expect(made.map(({ buffer }) => buffer.detached)).toEqual([true, false]);
    expect([...third]).toEqual([4, 5, 6]);
    recycle(await reader.read(3));
    expect(made.map(({ buffer }) => buffer.detached)).toEqual([true, true]);
    expect(await reader.isAtEnd()).toBe(true);
  });

  test.each([[[10]], [[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]], [[0, 3, 0, 4, 3, 0]], [[9, 1]]])(
    "reads exactly what is asked from chunks of %j",
    async (sizes) => {
      const reader = new ByteReader(chunks(...sizes));
      expect(await reader.read(0)).toEqual(new Uint8Array(0));
      expect([...(await reader.read(4))]).toEqual([0, 1, 2, 3]);
      expect([...(await reader.read(5))]).toEqual([4, 5, 6, 7, 8]);
      expect(reader.consumedBytes).toBe(9);
      expect(await reader.isAtEnd()).toBe(false);
      expect([...(await reader.read(5))]).toEqual([9]);
      expect(await reader.isAtEnd()).toBe(true);
      expect((await reader.read(1)).byteLength).toBe(0);
      expect(reader.consumedBytes).toBe(10);
    },
  );

  test("gives what lies together, up to a limit, and nothing at the end", async () => {
    const reader = new ByteReader(chunks(3, 0, 7));
    expect([...(await reader.readSome(2))]).toEqual([0, 1]);
    expect([...(await reader.readSome(5))]).toEqual([2]);
    expect([...(await reader.readSome(100))]).toEqual([3, 4, 5, 6, 7, 8, 9]);
    expect((await reader.readSome(1)).byteLength).toBe(0);
  });

  test("closes the producer once, and not one that has ended", async () => {
    let closed = 0;
    async function* producer(): ByteStream {
      try {
        yield TEN;
        yield TEN;
      } finally {
        closed++;
      }
    }
    const stopped = new ByteReader(producer());
    await stopped.read(1);
    await stopped.close();
    await stopped.close();
    expect(closed).toBe(1);
    const ended = new ByteReader(producer());
    await ended.read(30);
    expect(closed).toBe(2);
    await ended.close();
    expect(closed).toBe(2);
  });

  test("lets an error of the producer through", async () => {
    const failure = new Error("disk on fire");
    async function* producer(): ByteStream {
      yield TEN;
      throw failure;
    }
    const reader = new ByteReader(producer());
    await expect(reader.read(11)).rejects.toBe(failure);
  });
});
