import { CorruptObjectError, messageOf } from "../base/errors.ts";
import type { ByteStream } from "../stream/byte-stream.ts";
import type { Codec } from "./codec.ts";
import { throughTransform } from "./node-transform.ts";

/** WAL-G's quality. */
const QUALITY = 3;
const CHUNK_BYTES = 256 * 1024;

/** Raw brotli streams. The format has no checksum of its own. */
export const BROTLI_CODEC: Codec = {
  name: "brotli",
  extension: "br",
  compress,
  decompress,
  detectsFlippedBits: false,
};

async function* compress(input: ByteStream): ByteStream {
  const { constants, createBrotliCompress } = await import("node:zlib");
  const encoder = createBrotliCompress({
    chunkSize: CHUNK_BYTES,
    params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY },
  });
  const failed = (cause: unknown) => new Error("brotli compression failed", { cause });
  yield* throughTransform(input, encoder, failed);
}

async function* decompress(input: ByteStream): ByteStream {
  const { createBrotliDecompress } = await import("node:zlib");
  const decoder = createBrotliDecompress({ chunkSize: CHUNK_BYTES });
  const failed = (cause: unknown) =>
    new CorruptObjectError("brotli data", messageOf(cause), { cause });
  yield* throughTransform(input, decoder, failed);
}
