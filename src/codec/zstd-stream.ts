import { constants, createZstdDecompress } from "node:zlib";
import type { ByteStream } from "../stream/byte-stream.ts";
import { rechunk } from "../stream/rechunk.ts";
import { throughTransform } from "./node-transform.ts";
import { corrupt, type ZstdFrameHeader, type ZstdFrameReader } from "./zstd-frames.ts";

const WINDOW_LOG_MAX = 29;
/** Each write is a trip to a thread, so the small pieces are brought together. */
const INPUT_BYTES = 128 * 1024;
const OUTPUT_BYTES = 256 * 1024;

/**
 * Decodes one large frame as it comes: what WAL-G writes. The frame reader proves that the frame
 * is complete, which this decoder does not.
 */
export async function* streamZstdFrame(
  frames: ZstdFrameReader,
  header: ZstdFrameHeader,
  firstPieces: readonly Uint8Array[],
): ByteStream {
  const decoder = createZstdDecompress({
    chunkSize: OUTPUT_BYTES,
    params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
  });
  let plainBytes = 0;
  const failed = (cause: unknown) => corrupt("a frame does not decode", cause);
  const input = rechunk(INPUT_BYTES)(pieces(frames, firstPieces));
  for await (const plain of throughTransform(input, decoder, failed)) {
    plainBytes += plain.byteLength;
    yield plain;
  }
  if (header.contentBytes !== undefined && header.contentBytes !== plainBytes) {
    throw corrupt(`a frame holds ${plainBytes} bytes, not ${header.contentBytes}`);
  }
}

async function* pieces(frames: ZstdFrameReader, firstPieces: readonly Uint8Array[]): ByteStream {
  yield* firstPieces;
  let piece: Uint8Array | undefined;
  while ((piece = await frames.nextPiece()) !== undefined) yield piece;
}
