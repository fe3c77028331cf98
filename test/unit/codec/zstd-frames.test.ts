// Proves the walk over frames and blocks: every form of header, every prefix of a stream, and
// the limits that hold whatever a header promises. Frames are made by hand and by the runtime.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { parseFrameHeader, ZstdFrameReader } from "../../../src/codec/zstd-frames.ts";
import { ByteReader } from "../../../src/stream/byte-reader.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";
import { inChunks, pageLike } from "../../support/sample-bytes.ts";

const NEVER = new AbortController().signal;
const MAGIC = "28b52ffd";
/** Single segment, size in one byte, one last raw block "abc". */
const ABC = Buffer.from(`${MAGIC}2003190000616263`, "hex");

function reader(bytes: Uint8Array, sizeBytesMax = 5): ZstdFrameReader {
  return new ZstdFrameReader(new ByteReader(inChunks(bytes, { sizeBytesMax, seed: 1 })));
}

/** The frames, as hex; throws what the walk throws. */
async function walk(bytes: Uint8Array): Promise<string[]> {
  const frames = reader(bytes);
  const found: string[] = [];
  while ((await frames.openFrame()) !== undefined) {
    const pieces: Uint8Array[] = [];
    let piece: Uint8Array | undefined;
    while ((piece = await frames.nextPiece()) !== undefined) pieces.push(piece);
    found.push(Buffer.concat(pieces).toString("hex"));
  }
  return found;
}

describe("zstd frame headers", () => {
  test.each([
    ["2003", 3, 3, false],
    ["2403", 3, 3, true],
    ["600001", 512, 512, false],
    ["a000001000", 1 << 20, 1 << 20, false],
    ["e00000000001000000", 2 ** 32, undefined, false],
    ["0050", undefined, 1 << 20, false],
    ["0458", undefined, 2 << 20, true],
    ["0051", undefined, (1 << 20) + (1 << 17), false],
    ["80580000a000", 0xa00000, 2 << 20, false],
    ["015800", undefined, 2 << 20, false],
  ])("%s: %s bytes, window %s, checksum %s", (hex, contentBytes, windowBytes, hasChecksum) => {
    const parse = () => parseFrameHeader(Buffer.from(MAGIC + hex, "hex"));
    if (windowBytes === undefined) expect(parse).toThrow("window above 512 MiB");
    else expect(parse()).toMatchObject({ contentBytes, windowBytes, hasChecksum });
  });

  test.each([
    ["a reserved bit", "2803"],
    ["a dictionary", "210103"],
    ["a window of 1 GiB", "00a0"],
    ["a size above 2^53", "e0ffffffffffffffff"],
  ])("are refused with %s", (_what, hex) => {
    const parse = () => parseFrameHeader(Buffer.from(MAGIC + hex, "hex"));
    expect(parse).toThrow(CorruptObjectError);
  });
});

describe("a frame that has been read already", () => {
  /** A reader that holds the bytes, but for the first, in one piece. */
  async function holding(bytes: Uint8Array): Promise<ZstdFrameReader> {
    const input = new ByteReader(bytesSource(Buffer.concat([Buffer.of(0), bytes])).open(NEVER));
    await input.read(1);
    return new ZstdFrameReader(input);
  }

  const frames = ["28b52ffd2003190000616263", "28b52ffd00500000000b000061"].map((hex) =>
    Buffer.from(hex, "hex"),
  );
  const real = Buffer.from(Bun.zstdCompressSync(pageLike(300_000, 1), { level: 3 }));

  test("is given as a view, with what it holds at most", async () => {
    const reader = await holding(Buffer.concat([...frames, real]));
    const [abc, second] = [reader.bufferedFrame(1 << 20), reader.bufferedFrame(1 << 20)];
    expect(abc).toMatchObject({ bytes: frames[0], contentBytesMax: 3 });
    expect(second).toMatchObject({ bytes: frames[1], contentBytesMax: 1 });
    expect(reader.bufferedFrame(1 << 18)).toBeUndefined();
    const third = reader.bufferedFrame(1 << 20);
    expect(Buffer.compare(third?.bytes ?? Buffer.alloc(0), real)).toBe(0);
    expect(third?.header.contentBytes).toBe(300_000);
    expect(reader.bufferedFrame(1 << 20)).toBeUndefined();
    expect(await reader.openFrame()).toBeUndefined();
  });

  test("is left where it is unless all of it is there", async () => {
    for (let length = 0; length < real.byteLength; length += length < 200 ? 1 : 97) {
      const reader = await holding(real.subarray(0, length));
      expect(reader.bufferedFrame(1 << 20), `${length} bytes`).toBeUndefined();
    }
    const reader = await holding(Buffer.from("502a4d1800000000", "hex"));
    expect(reader.bufferedFrame(1 << 20)).toBeUndefined();
    expect(await reader.openFrame()).toBeUndefined();
  });

  test.each([
    ["a reserved block", "28b52ffd2003060000"],
    ["a block that is too large", "28b52ffd20032100006162636465"],
    ["a dictionary", "28b52ffd210103190000616263"],
  ])("is refused with %s", async (_what, hex) => {
    const reader = await holding(Buffer.from(hex, "hex"));
    expect(() => reader.bufferedFrame(1 << 20)).toThrow(CorruptObjectError);
  });
});

describe("ZstdFrameReader", () => {
  const skippable = Buffer.from("532a4d1804000000deadbeef", "hex");

  test("gives frames whole, past skippable ones, and nothing for nothing", async () => {
    const hex = ABC.toString("hex");
    expect(await walk(new Uint8Array(0))).toEqual([]);
    expect(await walk(ABC)).toEqual([hex]);
    expect(await walk(Buffer.concat([skippable, ABC, skippable, ABC, skippable]))).toEqual([
      hex,
      hex,
    ]);
  });

  test("refuses every prefix that is not a row of whole frames", async () => {
    const frame = await Bun.zstdCompress(pageLike(300_000, 1));
    const stream = Buffer.concat([ABC, skippable, frame]);
    const whole = new Set([0, ABC.byteLength, ABC.byteLength + skippable.byteLength]);
    const cuts = Array.from({ length: 400 }, (_, index) => index);
    for (let back = 1; back < 400; back++) cuts.push(stream.byteLength - back);
    for (const cut of cuts) {
      const walked = walk(stream.subarray(0, cut));
      if (whole.has(cut)) await walked;
      else await expect(walked, `cut to ${cut}`).rejects.toThrow(CorruptObjectError);
    }
  });

  test.each([
    ["a reserved block type", `${MAGIC}20031f0000616263`],
    ["a block larger than the window", `${MAGIC}2003210000616263`],
    ["no frame", "00112233"],
    ["a frame and then none", `${MAGIC}200319000061626300112233`],
  ])("refuses %s", async (_what, hex) => {
    await expect(walk(Buffer.from(hex, "hex"))).rejects.toThrow(CorruptObjectError);
  });

  test("knows how much a frame can hold before it is decoded", async () => {
    // Window of 1 KiB: a raw block of 3, a repeated byte of 1024, one compressed block.
    const hex = `${MAGIC}0000${"180000616263"}${"022000"}61${"1d0000000000"}`;
    const frames = reader(Buffer.from(hex, "hex"));
    await frames.openFrame();
    const limits: number[] = [];
    while ((await frames.nextPiece()) !== undefined) limits.push(frames.contentBytesMax);
    expect(limits).toEqual([0, 3, 3, 3 + 1024, 3 + 1024, 3 + 2048, 3 + 2048]);
  });
});
