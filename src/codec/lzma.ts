import { ByteReader } from "../stream/byte-reader.ts";
import type { ByteStream } from "../stream/byte-stream.ts";
import { recycle } from "../stream/chunk-pool.ts";
import { Pace } from "../stream/turn.ts";
import type { Codec } from "./codec.ts";
import { LzmaDecoder } from "./lzma-decoder.ts";
import { LzmaEncoder } from "./lzma-encoder.ts";
import { decodeHeader, encodeHeader, HEADER_BYTES, type LzmaProperties } from "./lzma-model.ts";
import { LzmaProof } from "./lzma-proof.ts";

/** WAL-G's: an 8 MiB dictionary, size unknown, an end marker. */
const WRITTEN: LzmaProperties = {
  literalContextBits: 3,
  literalPositionBits: 0,
  positionBits: 2,
  dictionaryBytes: 8 << 20,
  plainBytes: undefined,
};
/** Stored bytes that are decoded at once. */
const PIECE_BYTES = 64 * 1024;
/** Plain bytes between two turns for everything else: less than 10 ms, noise too. */
const TURN_BYTES = 16 * 1024;

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
  const pace = new Pace(TURN_BYTES);
  let writer: ProvenWriter | undefined;
  for await (const chunk of input) {
    if (writer === undefined) {
      yield encodeHeader(WRITTEN);
      writer = new ProvenWriter(pace);
    }
    for (let offset = 0; offset < chunk.byteLength; offset += TURN_BYTES) {
      yield* writer.push(chunk.subarray(offset, offset + TURN_BYTES));
    }
    recycle(chunk);
  }
  if (writer === undefined) yield encodeHeader(WRITTEN);
  yield* (writer ?? new ProvenWriter(pace)).finish();
}

/** Gives out only what was read back; the end only when all of it was what went in. */
class ProvenWriter {
  readonly #encoder = new LzmaEncoder(WRITTEN);
  readonly #proof = new LzmaProof(WRITTEN);
  readonly #pace: Pace;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  async *push(plain: Uint8Array): AsyncGenerator<Uint8Array> {
    this.#proof.plain(plain);
    for (const stored of this.#encoder.push(plain)) {
      await this.#prove(stored);
      yield stored;
    }
    await this.#pace.passed(plain.byteLength);
  }

  async *finish(): AsyncGenerator<Uint8Array> {
    const ends: Uint8Array[] = [];
    for (const stored of this.#encoder.finish()) {
      await this.#prove(stored);
      ends.push(stored);
    }
    this.#proof.finish();
    yield* ends;
  }

  async #prove(stored: Uint8Array): Promise<void> {
    for (const decodedBytes of this.#proof.stored(stored)) await this.#pace.passed(decodedBytes);
  }
}

async function* decompress(input: ByteStream): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(input);
  const pace = new Pace(TURN_BYTES);
  try {
    const decoder = new LzmaDecoder(decodeHeader(await reader.read(HEADER_BYTES)));
    for (;;) {
      const piece = await reader.readSome(PIECE_BYTES);
      if (piece.byteLength === 0) break;
      for (const plain of decoder.push(piece)) {
        const plainBytes = plain.byteLength;
        yield plain;
        await pace.passed(plainBytes);
      }
    }
    yield* decoder.finish();
  } finally {
    await reader.close();
  }
}
