// Proves the form of what we write (a frame per 512 KiB, size and checksum in each, in order), that
// the checksum is what refuses a flipped bit, and that foreign forms of zstd data are read.
import { zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { defined } from "../../../src/base/assert.ts";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { openZstdCodec } from "../../../src/codec/zstd.ts";
import { parseFrameHeader, ZstdFrameReader } from "../../../src/codec/zstd-frames.ts";
import { ByteReader } from "../../../src/stream/byte-reader.ts";
import { bytesSource, collect } from "../../../src/stream/byte-stream.ts";
import { inChunks, incompressible, pageLike } from "../../support/sample-bytes.ts";

const MIB = 1 << 20;
const FRAME = 512 << 10;
const LIMIT_BYTES = 1 << 27;
const ENGINES = ["builtin", "addon"] as const;

async function write(plain: Uint8Array, options = {}): Promise<Uint8Array> {
  const compress = defined((await openZstdCodec(options)).compress, "compress");
  return collect(compress(inChunks(plain, { sizeBytesMax: 100_000, seed: 1 })), LIMIT_BYTES);
}

async function read(stored: Uint8Array, options = {}): Promise<Uint8Array> {
  const codec = await openZstdCodec(options);
  const input = inChunks(stored, { sizeBytesMax: 60_000, seed: 2 });
  return collect(codec.decompress(input), LIMIT_BYTES);
}

/** Each frame's bytes. */
async function framesOf(stored: Uint8Array): Promise<Uint8Array[]> {
  const input = bytesSource(stored).open(new AbortController().signal);
  const reader = new ZstdFrameReader(new ByteReader(input));
  const frames: Uint8Array[] = [];
  while ((await reader.openFrame()) !== undefined) {
    const pieces: Uint8Array[] = [];
    let piece: Uint8Array | undefined;
    while ((piece = await reader.nextPiece()) !== undefined) pieces.push(piece);
    frames.push(Buffer.concat(pieces));
  }
  return frames;
}

describe.each(ENGINES)("zstd, written by %s", (zstdEngine) => {
  test.each([0, 1, FRAME, 2 * FRAME + 1])(
    "has size and checksum in each frame of %d",
    async (size) => {
      const plain = pageLike(size, 3);
      const frames = await framesOf(await write(plain, { zstdEngine, parallelism: 4 }));
      expect(frames).toHaveLength(Math.max(1, Math.ceil(size / FRAME)));
      for (const [index, frame] of frames.entries()) {
        const part = plain.subarray(index * FRAME, (index + 1) * FRAME);
        const header = parseFrameHeader(frame);
        expect(header).toMatchObject({ contentBytes: part.byteLength, hasChecksum: true });
        const hash = Number(BigInt.asUintN(32, Bun.hash.xxHash64(part)));
        expect(Buffer.from(frame).readUInt32LE(frame.byteLength - 4)).toBe(hash);
        expect(Buffer.compare(await Bun.zstdDecompress(frame), part)).toBe(0);
      }
    },
  );

  test("is refused by either engine when the checksum is not the content's", async () => {
    const stored = await write(pageLike(5000, 4), { zstdEngine });
    const last = stored.byteLength - 1;
    stored[last] = (stored[last] ?? 0) ^ 1;
    for (const reader of ENGINES) {
      await expect(read(stored, { zstdEngine: reader })).rejects.toThrow(CorruptObjectError);
    }
  });

  test("follows the level", async () => {
    const plain = pageLike(MIB, 5);
    const fast = await write(plain, { zstdEngine, level: 1 });
    expect((await write(plain, { zstdEngine, level: 11 })).byteLength).toBeLessThan(
      fast.byteLength,
    );
  });

  test("comes in order whatever finishes first", async () => {
    // A frame of noise and one of zeros in turn: their times differ by much.
    const plain = new Uint8Array(12 * MIB);
    for (let at = 0; at < plain.byteLength; at += 2 * MIB) plain.set(incompressible(MIB, at), at);
    const stored = await write(plain, { zstdEngine, parallelism: 8 });
    expect(Buffer.compare(await read(stored, { zstdEngine, parallelism: 8 }), plain)).toBe(0);
  });
});

describe.each(ENGINES)("foreign zstd data, read by %s", (zstdEngine) => {
  test("is nothing where there is nothing, as old WAL-G wrote it", async () => {
    expect((await read(new Uint8Array(0), { zstdEngine })).byteLength).toBe(0);
  });

  test("may have skippable frames, and frames of every size in a row", async () => {
    const skippable = Buffer.from("502a4d1803000000616263", "hex");
    const parts = [pageLike(100, 6), pageLike(9 * MIB, 7), pageLike(3 * MIB, 8), pageLike(10, 9)];
    const frames = await Promise.all(parts.map((part) => Bun.zstdCompress(part)));
    const stored = Buffer.concat(frames.flatMap((frame) => [skippable, frame]));
    expect(Buffer.compare(await read(stored, { zstdEngine }), Buffer.concat(parts))).toBe(0);
  });

  test("is refused when a large frame is cut, extended or flipped", async () => {
    const checksum = { params: { 201: 1 } };
    const stored = zstdCompressSync(pageLike(10 * MIB, 10), checksum);
    for (const cut of [1, 4, 5, 1000, stored.byteLength - 20]) {
      const shorter = stored.subarray(0, stored.byteLength - cut);
      await expect(read(shorter, { zstdEngine })).rejects.toThrow(CorruptObjectError);
    }
    for (const extra of ["\0", "x", "garbage behind it"]) {
      const longer = Buffer.concat([stored, Buffer.from(extra)]);
      await expect(read(longer, { zstdEngine })).rejects.toThrow(CorruptObjectError);
    }
    for (const at of [500, 100_000, stored.byteLength >> 1, stored.byteLength - 2]) {
      const flipped = Buffer.from(stored);
      flipped[at] = (flipped[at] ?? 0) ^ 4;
      await expect(read(flipped, { zstdEngine }), `byte ${at}`).rejects.toThrow(CorruptObjectError);
    }
  });

  test("is refused when its header promises what it does not hold", async () => {
    // Content size 2^32 - 1 and one raw block of 3: no memory is made for the promise.
    const promise = Buffer.from("28b52ffda0ffffff1f190000616263", "hex");
    await expect(read(promise, { zstdEngine })).rejects.toThrow(CorruptObjectError);
    const small = Buffer.from("28b52ffd2004190000616263", "hex");
    await expect(read(small, { zstdEngine })).rejects.toThrow(CorruptObjectError);
  });

  test("may hold very many empty blocks, which take no memory each", async () => {
    const blocks = new Uint8Array(3 * 300_000);
    const stored = Buffer.concat([
      Buffer.from("28b52ffd0000", "hex"),
      blocks,
      Buffer.from("190000616263", "hex"),
    ]);
    expect(Buffer.from(await read(stored, { zstdEngine })).toString()).toBe("abc");
  });
});
