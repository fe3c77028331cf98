// Proves that the resource of a stream is closed once, however the stream ends.
import { describe, expect, test } from "vitest";
import { closableStream } from "../../../src/storage/closable-stream.ts";

function streamOf(fails: boolean) {
  let closed = 0;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1);
    if (fails) throw new Error("broken");
    yield new Uint8Array(2);
  }
  const stream = closableStream(chunks(), () => {
    closed += 1;
  });
  return { stream, closed: () => closed };
}

describe("closableStream", () => {
  test("closes at the end", async () => {
    const { stream, closed } = streamOf(false);
    const sizes: number[] = [];
    for await (const chunk of stream) sizes.push(chunk.byteLength);
    expect(sizes).toEqual([1, 2]);
    expect(closed()).toBe(1);
  });

  test("closes when the consumer stops early", async () => {
    const { stream, closed } = streamOf(false);
    for await (const _ of stream) break;
    expect(closed()).toBe(1);
  });

  test("closes when it was never started", async () => {
    const { stream, closed } = streamOf(false);
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.return?.();
    await iterator.return?.();
    expect(closed()).toBe(1);
    expect(await iterator.next()).toMatchObject({ done: true });
  });

  test("closes when the stream fails, and the failure comes out", async () => {
    const { stream, closed } = streamOf(true);
    await expect(Array.fromAsync(stream)).rejects.toThrow("broken");
    expect(closed()).toBe(1);
  });
});
