// Proves the manners around a stream transform: errors keep their origin, back-pressure holds,
// stopping early closes the input, and data behind the end is an error. On real transforms.
import { PassThrough } from "node:stream";
import { brotliCompressSync, createBrotliDecompress } from "node:zlib";
import { describe, expect, test } from "vitest";
import { throughTransform } from "../../../src/codec/node-transform.ts";
import type { ByteStream } from "../../../src/stream/byte-stream.ts";
import { collect } from "../../../src/stream/byte-stream.ts";
import { inChunks, incompressible } from "../../support/sample-bytes.ts";

const LIMIT_BYTES = 1 << 26;
const failed = (cause: unknown) => new Error("the transform failed", { cause });

function passThrough() {
  let bytesWritten = 0;
  const transform = new PassThrough({
    transform(chunk: Uint8Array, _encoding, done) {
      bytesWritten += chunk.byteLength;
      done(null, chunk);
    },
  });
  return Object.defineProperty(transform, "bytesWritten", {
    get: () => bytesWritten,
  }) as PassThrough & { readonly bytesWritten: number };
}

describe("throughTransform", () => {
  const bytes = incompressible(3_000_000, 1);

  test("gives what the transform makes", async () => {
    const input = inChunks(bytes, { sizeBytesMax: 70_000, seed: 2 });
    const output = await collect(throughTransform(input, passThrough(), failed), LIMIT_BYTES);
    expect(Buffer.compare(output, bytes)).toBe(0);
  });

  test("lets an error of the input through as it is", async () => {
    const failure = new Error("connection lost");
    async function* input(): ByteStream {
      yield bytes.subarray(0, 200_000);
      throw failure;
    }
    const output = throughTransform(input(), passThrough(), failed);
    await expect(collect(output, LIMIT_BYTES)).rejects.toBe(failure);
  });

  test("wraps an error of the transform and closes the input", async () => {
    let isClosed = false;
    async function* input(): ByteStream {
      try {
        yield* inChunks(bytes, { sizeBytesMax: 70_000, seed: 3 });
      } finally {
        isClosed = true;
      }
    }
    const output = throughTransform(input(), createBrotliDecompress(), failed);
    await expect(collect(output, LIMIT_BYTES)).rejects.toThrow("the transform failed");
    expect(isClosed).toBe(true);
  });

  test("holds the input back while nobody reads, and closes it when the reader stops", async () => {
    let pulledBytes = 0;
    let isClosed = false;
    async function* input(): ByteStream {
      try {
        for (let offset = 0; offset < bytes.byteLength; offset += 10_000) {
          pulledBytes += 10_000;
          yield bytes.subarray(offset, offset + 10_000);
        }
      } finally {
        isClosed = true;
      }
    }
    for await (const chunk of throughTransform(input(), passThrough(), failed)) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    expect(isClosed).toBe(true);
    expect(pulledBytes).toBeLessThan(500_000);
  });

  test.each([1, 100, 1_000_000])("refuses %d bytes behind the data's end", async (extra) => {
    const stored = brotliCompressSync(Buffer.from("short"));
    async function* input(): ByteStream {
      yield stored;
      yield* inChunks(incompressible(extra, 4), { sizeBytesMax: 70_000, seed: 5 });
    }
    const output = throughTransform(input(), createBrotliDecompress(), failed);
    await expect(collect(output, LIMIT_BYTES)).rejects.toThrow("the transform failed");
  });
});
