import { ByteReader } from "../stream/byte-reader.ts";
import type { ByteStream } from "../stream/byte-stream.ts";
import type { Codec } from "./codec.ts";
import { LzmaDecoder } from "./lzma-decoder.ts";
import { LzmaEncoder } from "./lzma-encoder.ts";
import { decodeHeader, encodeHeader, HEADER_BYTES, type LzmaProperties } from "./lzma-model.ts";

/** WAL-G's: an 8 MiB dictionary, size unknown, an end marker. */
const WRITTEN: LzmaProperties = {
  literalContextBits: 3,
  literalPositionBits: 0,
  positionBits: 2,
  dictionaryBytes: 8 << 20,
  plainBytes: undefined,
};
const PIECE_BYTES = 256 * 1024;

/** .lzma ("LZMA alone"), not .xz. The format has no checksum. */
export const LZMA_CODEC: Codec = {
  name: "lzma",
  extension: "lzma",
  compress,
  decompress,
  detectsFlippedBits: false,
  isJavaScript: true,
};

async function* compress(input: ByteStream): AsyncGenerator<Uint8Array> {
  let encoder: LzmaEncoder | undefined;
  for await (const chunk of input) {
    if (encoder === undefined) {
      yield encodeHeader(WRITTEN);
      encoder = new LzmaEncoder(WRITTEN);
    }
    yield* encoder.push(chunk);
  }
  if (encoder === undefined) yield encodeHeader(WRITTEN);
  yield* (encoder ?? new LzmaEncoder(WRITTEN)).finish();
}

async function* decompress(input: ByteStream): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(input);
  try {
    const decoder = new LzmaDecoder(decodeHeader(await reader.read(HEADER_BYTES)));
    for (;;) {
      const piece = await reader.readSome(PIECE_BYTES);
      if (piece.byteLength === 0) break;
      yield* decoder.push(piece);
    }
    yield* decoder.finish();
  } finally {
    await reader.close();
  }
}
