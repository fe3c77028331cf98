import { CorruptObjectError, messageOf } from "../base/errors.ts";
import type { ByteStream } from "../stream/byte-stream.ts";
import type { Codec } from "./codec.ts";
import { throughTransform } from "./node-transform.ts";

const CHUNK_BYTES = 256 * 1024;

/** gzip members, which WAL-G reads and never writes; their CRC and size are checked. */
export const GZIP_CODEC: Codec = {
  name: "gzip",
  extension: "gz",
  compress: undefined,
  decompress,
  detectsFlippedBits: true,
};

async function* decompress(input: ByteStream): ByteStream {
  const { createGunzip } = await import("node:zlib");
  const decoder = createGunzip({ chunkSize: CHUNK_BYTES });
  const failed = (cause: unknown) =>
    new CorruptObjectError("gzip data", messageOf(cause), { cause });
  yield* throughTransform(input, decoder, failed);
}
