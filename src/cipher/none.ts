import type { ByteStream } from "../stream/byte-stream.ts";
import type { Cipher } from "./cipher.ts";

/** Bytes as they are. */
export const NONE_CIPHER: Cipher = {
  name: "none",
  keyId: "",
  canDecrypt: true,
  encrypt: unchanged,
  decrypt: unchanged,
};

function unchanged(input: ByteStream): ByteStream {
  return input;
}
