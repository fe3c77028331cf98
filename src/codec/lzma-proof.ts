import { CorruptObjectError } from "../base/errors.ts";
import { recycle } from "../stream/chunk-pool.ts";
import { LzmaDecoder } from "./lzma-decoder.ts";
import { HISTORY_BYTES } from "./lzma-matches.ts";
import type { LzmaProperties } from "./lzma-model.ts";

/**
 * Reads what the writer writes, as a restore will: nothing counts as stored that does not decode
 * to the bytes it was made of. The format has no checksum that would show it later.
 */
export class LzmaProof {
  readonly #decoder: LzmaDecoder;
  #plainBytes = 0;
  #plainCrc = 0;
  #decodedBytes = 0;
  #decodedCrc = 0;

  constructor(properties: LzmaProperties) {
    // The writer's own reach: a match further back is an error of it, whatever the header says.
    this.#decoder = new LzmaDecoder({ ...properties, dictionaryBytes: HISTORY_BYTES });
  }

  /** Bytes that the writer was given. */
  plain(bytes: Uint8Array): void {
    this.#plainBytes += bytes.byteLength;
    this.#plainCrc = Bun.hash.crc32(bytes, this.#plainCrc);
  }

  /** Bytes that the writer wrote. Gives the numbers of bytes that they decode to, as it goes. */
  *stored(bytes: Uint8Array): Generator<number> {
    try {
      yield* this.#count(this.#decoder.push(bytes));
    } catch (cause) {
      throw notReadable(cause);
    }
  }

  /** Throws unless all that was written is all that was given. */
  finish(): void {
    try {
      for (const _bytes of this.#count(this.#decoder.finish()));
    } catch (cause) {
      throw notReadable(cause);
    }
    const isSame = this.#decodedBytes === this.#plainBytes && this.#decodedCrc === this.#plainCrc;
    if (!isSame) throw notReadable(undefined);
  }

  *#count(decoded: Iterable<Uint8Array>): Generator<number> {
    for (const bytes of decoded) {
      this.#decodedBytes += bytes.byteLength;
      this.#decodedCrc = Bun.hash.crc32(bytes, this.#decodedCrc);
      const sizeBytes = bytes.byteLength;
      recycle(bytes);
      yield sizeBytes;
    }
  }
}

function notReadable(cause: unknown): CorruptObjectError {
  return new CorruptObjectError("lzma data", "what was just written does not decode", {
    cause,
    hint: "Nothing of it counts as stored; check this host's memory, or choose another codec.",
  });
}
