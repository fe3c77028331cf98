// Proves the decoder of large frames on one that is small enough to look at: content, the first
// pieces that were read already, and an error for content that is not the promised size.
import { describe, expect, test } from "vitest";
import { defined } from "../../../src/base/assert.ts";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { ZstdFrameReader } from "../../../src/codec/zstd-frames.ts";
import { streamZstdFrame } from "../../../src/codec/zstd-stream.ts";
import { ByteReader } from "../../../src/stream/byte-reader.ts";
import { collect } from "../../../src/stream/byte-stream.ts";
import { inChunks, pageLike } from "../../support/sample-bytes.ts";

async function decode(frame: Uint8Array, piecesBefore: number, contentBytes?: number) {
  const input = inChunks(frame, { sizeBytesMax: 3000, seed: 1 });
  const reader = new ZstdFrameReader(new ByteReader(input));
  const header = defined(await reader.openFrame(), "frame");
  const pieces: Uint8Array[] = [];
  for (let index = 0; index < piecesBefore; index++) {
    pieces.push(defined(await reader.nextPiece(), "piece"));
  }
  const promised = contentBytes === undefined ? header : { ...header, contentBytes };
  return collect(streamZstdFrame(reader, promised, pieces), 1 << 24);
}

describe("streamZstdFrame", () => {
  const plain = pageLike(700_000, 2);

  test.each([0, 1, 4])("decodes a frame of which %d pieces were read before", async (before) => {
    expect(Buffer.compare(await decode(await Bun.zstdCompress(plain), before), plain)).toBe(0);
  });

  test("refuses content of another size than promised", async () => {
    const frame = await Bun.zstdCompress(plain);
    await expect(decode(frame, 1, 700_001)).rejects.toThrow(CorruptObjectError);
  });

  test("refuses a frame that is cut short", async () => {
    const frame = await Bun.zstdCompress(plain);
    await expect(decode(frame.subarray(0, -1), 1)).rejects.toThrow(CorruptObjectError);
  });
});
