// Proves the small tools of byte streams: sources in memory, stages in order, bounded collecting.
import { describe, expect, test } from "vitest";
import {
  type ByteStream,
  bytesSource,
  collect,
  compose,
  concatBytes,
} from "../../../src/stream/byte-stream.ts";

const { signal } = new AbortController();

async function* stream(...chunks: string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield new TextEncoder().encode(chunk);
}

function tagging(tag: string) {
  return async function* (input: ByteStream): AsyncGenerator<Uint8Array> {
    yield* input;
    yield new TextEncoder().encode(tag);
  };
}

test("stages apply from left to right", async () => {
  const bytes = await collect(compose(stream("x"), tagging("a"), tagging("b")), 10);
  expect(new TextDecoder().decode(bytes)).toBe("xab");
});

describe("bytesSource", () => {
  test("can be opened again and again", async () => {
    const source = bytesSource("abc");
    expect(source).toMatchObject({ sizeBytes: 3, replayable: true });
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(new TextDecoder().decode(await collect(source.open(signal), 3))).toBe("abc");
    }
  });

  test("gives no chunk when it is empty, and none once aborted", async () => {
    expect(await collect(bytesSource("").open(signal), 0)).toHaveLength(0);
    const aborted = AbortSignal.abort(new Error("stop"));
    await expect(collect(bytesSource("abc").open(aborted), 3)).rejects.toThrow("stop");
  });
});

test("collect throws past its limit instead of growing", async () => {
  expect(await collect(stream("ab", "c"), 3)).toHaveLength(3);
  await expect(collect(stream("ab", "cd"), 3)).rejects.toThrow(RangeError);
});

test("concatBytes joins, and does not copy a single chunk", () => {
  const only = new Uint8Array([1, 2]);
  expect(concatBytes([only])).toBe(only);
  expect(concatBytes([only, new Uint8Array([3])])).toEqual(new Uint8Array([1, 2, 3]));
  expect(concatBytes([])).toHaveLength(0);
});
