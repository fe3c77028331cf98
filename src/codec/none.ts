import type { ByteStream } from "../stream/byte-stream.ts";
import type { Codec } from "./codec.ts";

/** Bytes as they are. Proves nothing by itself: the recorded size and hash have to. */
export const NONE_CODEC: Codec = {
  name: "none",
  extension: "",
  compress: unchanged,
  decompress: unchanged,
  detectsFlippedBits: false,
};

function unchanged(input: ByteStream): ByteStream {
  return input;
}
