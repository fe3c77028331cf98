// What every codec has to prove: byte-exact round trips in any chunks, agreement with the
// standard tool both ways, and an error for everything that is not exactly what was written.
import { describe, expect, test } from "vitest";
import { defined } from "../../src/base/assert.ts";
import { CorruptObjectError } from "../../src/base/errors.ts";
import type { Codec } from "../../src/codec/codec.ts";
import { EXTENSIONS } from "../../src/codec/registry.ts";
import { type ByteStream, collect } from "../../src/stream/byte-stream.ts";
import { ChunkPool, recycle } from "../../src/stream/chunk-pool.ts";
import { inChunks, incompressible, pageLike, seededFractions } from "../support/sample-bytes.ts";

const MIB = 1 << 20;
const LIMIT_BYTES = 256 * MIB;

export interface CodecSubject {
  readonly title: string;
  readonly open: () => Promise<Codec>;
  /** Plain sizes around the limits of the format's blocks. */
  readonly sizes: readonly number[];
  /** The standard tool; `toolCompress` also writes for a codec that only reads. */
  readonly toolCompress?: ((plain: Uint8Array) => Uint8Array) | undefined;
  readonly toolDecompress?: ((stored: Uint8Array) => Uint8Array) | undefined;
  /** What an empty object means; by default it is an error as any other cut. */
  readonly readsNothingAsEmpty?: boolean;
  /** How much of the input may be read before its output comes; 12 MiB by default. */
  readonly readAheadBytesMax?: number;
  /** `none` proves nothing by itself. */
  readonly provesNothing?: boolean;
}

export function testCodec(subject: CodecSubject): void {
  describe(subject.title, () => {
    testRoundTrips(subject);
    if (subject.provesNothing !== true) testDamage(subject);
    testStreamManners(subject);
    testRecycling(subject);
    if (subject.toolDecompress !== undefined) testTool(subject);
  });
}

async function write(subject: CodecSubject, plain: Uint8Array, seed = 1): Promise<Uint8Array> {
  const codec = await subject.open();
  if (codec.compress === undefined) return defined(subject.toolCompress, "tool")(plain);
  const input = inChunks(plain, { sizeBytesMax: 300_000, seed });
  return collect(codec.compress(input), LIMIT_BYTES);
}

async function read(codec: Codec, stored: Uint8Array, sizeBytesMax = 70_000): Promise<Uint8Array> {
  return collect(codec.decompress(inChunks(stored, { sizeBytesMax, seed: 2 })), LIMIT_BYTES);
}

/** The result of decoding: bytes, or the error. */
async function outcome(codec: Codec, stored: Uint8Array): Promise<Uint8Array | unknown> {
  return read(codec, stored).catch((error: unknown) => error);
}

function isSame(actual: Uint8Array, expected: Uint8Array): boolean {
  return Buffer.compare(actual, expected) === 0;
}

function testRoundTrips(subject: CodecSubject): void {
  test("has the extension of its name", async () => {
    const codec = await subject.open();
    expect(codec.extension).toBe(EXTENSIONS[codec.name]);
  });

  test.each(subject.sizes)("gives back %d bytes", async (sizeBytes) => {
    const codec = await subject.open();
    for (const plain of [
      new Uint8Array(sizeBytes),
      incompressible(sizeBytes, 3),
      pageLike(sizeBytes, 4),
    ]) {
      const stored = await write(subject, plain);
      expect(isSame(await read(codec, stored), plain)).toBe(true);
    }
  });

  test("gives back the same bytes whatever the chunks are", async () => {
    const codec = await subject.open();
    const plain = pageLike(50_000, 5);
    for (const seed of [1, 2, 3]) {
      const stored = await write(subject, plain, seed);
      for (const sizeBytesMax of [1, 7, 1000, LIMIT_BYTES]) {
        expect(isSame(await read(codec, stored, sizeBytesMax), plain)).toBe(true);
      }
    }
  });

  test("gives back many megabytes of mixed data", async () => {
    const codec = await subject.open();
    const plain = Buffer.concat([
      pageLike(9 * MIB + 17, 6),
      incompressible(5 * MIB + 3, 7),
      new Uint8Array(9 * MIB),
      pageLike(MIB - 1, 8),
    ]);
    const stored = await write(subject, plain);
    expect(isSame(await read(codec, stored), plain)).toBe(true);
  });

  test("does many objects at once", async () => {
    const codec = await subject.open();
    const plains = Array.from({ length: 8 }, (_, index) => pageLike(MIB + index * 1000, index));
    await Promise.all(
      plains.map(async (plain) => {
        expect(isSame(await read(codec, await write(subject, plain)), plain)).toBe(true);
      }),
    );
  });
}

function testDamage(subject: CodecSubject): void {
  const small = () => write(subject, pageLike(700, 9));

  test("refuses every prefix of a small object", async () => {
    const codec = await subject.open();
    const stored = await small();
    const from = subject.readsNothingAsEmpty === true ? 1 : 0;
    for (let sizeBytes = from; sizeBytes < stored.byteLength; sizeBytes++) {
      const result = await outcome(codec, stored.subarray(0, sizeBytes));
      expect(result, `cut to ${sizeBytes} bytes`).toBeInstanceOf(CorruptObjectError);
    }
  });

  test("refuses every prefix of an object of nothing", async () => {
    const codec = await subject.open();
    const stored = await write(subject, new Uint8Array(0));
    const from = subject.readsNothingAsEmpty === true ? 1 : 0;
    for (let sizeBytes = from; sizeBytes < stored.byteLength; sizeBytes++) {
      const result = await outcome(codec, stored.subarray(0, sizeBytes));
      expect(result, `cut to ${sizeBytes} bytes`).toBeInstanceOf(CorruptObjectError);
    }
  });

  test("refuses cuts anywhere in a large frame", async () => {
    const codec = await subject.open();
    const stored = await write(subject, incompressible(900_000, 10));
    const random = seededFractions(11);
    const cuts = Array.from({ length: 40 }, () => 1 + Math.floor(random() * 900_000));
    for (const sizeBytes of [...cuts, stored.byteLength - 1, stored.byteLength - 4]) {
      const result = await outcome(codec, stored.subarray(0, sizeBytes));
      expect(result, `cut to ${sizeBytes} bytes`).toBeInstanceOf(CorruptObjectError);
    }
  });

  test.each([
    ["a zero byte", Uint8Array.of(0)],
    ["a letter", Uint8Array.of(0x78)],
    ["five zero bytes", new Uint8Array(5)],
    ["noise", incompressible(300, 12)],
    ["a megabyte of noise", incompressible(MIB, 13)],
  ])("refuses %s behind the object", async (_what, extra) => {
    const codec = await subject.open();
    for (const plain of [new Uint8Array(0), pageLike(700, 9), pageLike(3 * MIB, 9)]) {
      const stored = await write(subject, plain);
      const result = await outcome(codec, Buffer.concat([stored, extra]));
      expect(result).toBeInstanceOf(CorruptObjectError);
    }
  });

  test("refuses what is of another kind", async () => {
    const codec = await subject.open();
    for (const bytes of [Buffer.from("hello"), new Uint8Array(100), incompressible(5000, 14)]) {
      expect(await outcome(codec, bytes)).toBeInstanceOf(CorruptObjectError);
    }
  });

  test("never gives wrong bytes for a flipped bit, where the format has checksums", async () => {
    const codec = await subject.open();
    const plain = pageLike(700, 9);
    const stored = await write(subject, plain);
    for (let bit = 0; bit < stored.byteLength * 8; bit++) {
      const flipped = stored.slice();
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      const result = await outcome(codec, flipped);
      if (result instanceof Uint8Array) {
        // Bits that carry no meaning (a time stamp) may flip; content may not.
        if (codec.detectsFlippedBits) expect(isSame(result, plain), `bit ${bit}`).toBe(true);
      } else {
        expect(result, `bit ${bit}`).toBeInstanceOf(CorruptObjectError);
      }
    }
  });

  test("never gives wrong bytes for bits flipped in a large object", async () => {
    const codec = await subject.open();
    const plain = pageLike(2 * MIB + 5, 15);
    const stored = await write(subject, plain);
    const random = seededFractions(16);
    for (let round = 0; round < 60; round++) {
      const flipped = stored.slice();
      const bit = Math.floor(random() * stored.byteLength * 8);
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      const result = await outcome(codec, flipped);
      if (result instanceof Uint8Array) {
        if (codec.detectsFlippedBits) expect(isSame(result, plain), `bit ${bit}`).toBe(true);
      } else {
        expect(result, `bit ${bit}`).toBeInstanceOf(CorruptObjectError);
      }
    }
  });
}

function testStreamManners(subject: CodecSubject): void {
  test("lets an error of the input through as it is", async () => {
    const codec = await subject.open();
    const failure = new Error("connection lost");
    const stored = await write(subject, pageLike(3 * MIB, 17));
    async function* broken(bytes: Uint8Array): ByteStream {
      yield bytes.subarray(0, bytes.byteLength / 2);
      throw failure;
    }
    await expect(collect(codec.decompress(broken(stored)), LIMIT_BYTES)).rejects.toBe(failure);
    if (codec.compress === undefined) return;
    await expect(collect(codec.compress(broken(stored)), LIMIT_BYTES)).rejects.toBe(failure);
  });

  test("closes the input when the consumer stops", async () => {
    const codec = await subject.open();
    const sizeBytes = (subject.readAheadBytesMax ?? 8 * MIB) + 2 * MIB;
    const stored = await write(subject, incompressible(sizeBytes, 18));
    for (const stage of [codec.compress, codec.decompress]) {
      if (stage === undefined) continue;
      let isClosed = false;
      let isAtEnd = false;
      async function* input(): ByteStream {
        try {
          yield* inChunks(stored, { sizeBytesMax: 100_000, seed: 19 });
          isAtEnd = true;
        } finally {
          isClosed = true;
        }
      }
      for await (const chunk of stage(input())) if (chunk.byteLength > 0) break;
      expect({ isClosed, isAtEnd }).toEqual({ isClosed: true, isAtEnd: false });
    }
  });

  test("reads only so far ahead", async () => {
    const codec = await subject.open();
    const limitBytes = subject.readAheadBytesMax ?? 12 * MIB;
    const stored = await write(subject, incompressible(limitBytes + 4 * MIB, 20));
    for (const stage of [codec.compress, codec.decompress]) {
      if (stage === undefined) continue;
      let pulledBytes = 0;
      async function* input(): ByteStream {
        for (let offset = 0; offset < stored.byteLength; offset += 65536) {
          pulledBytes += 65536;
          yield stored.subarray(offset, offset + 65536);
        }
      }
      let givenBytes = 0;
      for await (const chunk of stage(input())) {
        givenBytes += chunk.byteLength;
        expect(pulledBytes - givenBytes).toBeLessThan(limitBytes);
      }
    }
  });

  test("never writes into a chunk that it gave out", async () => {
    const codec = await subject.open();
    const plain = Buffer.concat([pageLike(20 * MIB, 21), incompressible(2 * MIB, 22)]);
    const stored = await write(subject, plain);
    for (const [stage, bytes] of [
      [codec.compress, plain],
      [codec.decompress, stored],
    ] as const) {
      if (stage === undefined) continue;
      const given: { readonly chunk: Uint8Array; readonly hash: number | bigint }[] = [];
      for await (const chunk of stage(inChunks(bytes, { sizeBytesMax: 500_000, seed: 23 }))) {
        given.push({ chunk, hash: Bun.hash.xxHash3(chunk) });
      }
      for (const { chunk, hash } of given) expect(Bun.hash.xxHash3(chunk)).toBe(hash);
    }
  });
}

function testRecycling(subject: CodecSubject): void {
  /** Chunks of memory that is overwritten as soon as it is given back. */
  async function* pooled(bytes: Uint8Array): ByteStream {
    const pool = new ChunkPool(100_000);
    for (let offset = 0; offset < bytes.byteLength; offset += pool.chunkBytes) {
      const chunk = pool.take();
      const content = bytes.subarray(offset, offset + pool.chunkBytes);
      chunk.set(content);
      yield pool.filled(chunk, content.byteLength);
    }
  }

  /** A consumer that gives every chunk back once it is copied. */
  async function consume(stream: ByteStream): Promise<Uint8Array> {
    const copies: Uint8Array[] = [];
    for await (const chunk of stream) {
      copies.push(new Uint8Array(chunk));
      recycle(chunk);
    }
    return Buffer.concat(copies);
  }

  test("gives back the bytes when all memory is used again", async () => {
    const codec = await subject.open();
    const plain = Buffer.concat([
      pageLike(3 * MIB, 27),
      incompressible(MIB, 28),
      pageLike(2 * MIB, 29),
    ]);
    const stored =
      codec.compress === undefined
        ? await write(subject, plain)
        : await consume(codec.compress(pooled(plain)));
    expect(isSame(await consume(codec.decompress(pooled(stored))), plain)).toBe(true);
    expect(isSame(await read(codec, stored), plain)).toBe(true);
  });
}

function testTool(subject: CodecSubject): void {
  const samples = () => [
    new Uint8Array(0),
    Uint8Array.of(7),
    pageLike(100_000, 24),
    incompressible(300_000, 25),
    pageLike(9 * MIB + 1, 26),
  ];

  test("is read by the standard tool", async () => {
    const codec = await subject.open();
    if (codec.compress === undefined) return;
    for (const plain of samples()) {
      const stored = await write(subject, plain);
      expect(isSame(defined(subject.toolDecompress, "tool")(stored), plain)).toBe(true);
    }
  });

  test("reads what the standard tool writes", async () => {
    const codec = await subject.open();
    for (const plain of samples()) {
      const stored = defined(subject.toolCompress, "tool")(plain);
      expect(isSame(await read(codec, stored), plain)).toBe(true);
    }
  });
}
