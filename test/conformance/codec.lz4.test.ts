// The codec suite for lz4, and the kinds of frames that WAL-G's library reads too.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../src/base/errors.ts";
import { openCodec } from "../../src/codec/registry.ts";
import { collect } from "../../src/stream/byte-stream.ts";
import { runTool } from "../support/compression-tool.ts";
import { inChunks, incompressible, pageLike } from "../support/sample-bytes.ts";
import { testCodec } from "./codec.suite.ts";

const MIB = 1 << 20;

testCodec({
  title: "lz4",
  open: () => openCodec("lz4"),
  sizes: [0, 1, 4, 5, 11, 12, 13, 14, 64, 300, 65536, MIB, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1],
  toolCompress: (plain) => runTool("lz4", ["-c"], plain),
  toolDecompress: (stored) => runTool("lz4", ["-dc"], stored),
});

describe("lz4 frames of every kind that the tool writes", () => {
  const plain = Buffer.concat([pageLike(3 * MIB, 1), incompressible(MIB, 2), pageLike(MIB, 3)]);

  test.each([
    ["64 KiB blocks", ["-B4"]],
    ["256 KiB blocks", ["-B5"]],
    ["1 MiB blocks", ["-B6"]],
    ["linked blocks", ["-B4", "-BD"]],
    ["linked blocks, high compression", ["-9", "-B5", "-BD"]],
    ["block checksums", ["-BX"]],
    ["block checksums, linked", ["-B4", "-BD", "-BX"]],
    ["a content size", ["--content-size"]],
    ["no content checksum", ["--no-frame-crc"]],
  ])("reads %s", async (_what, args) => {
    const stored = runTool("lz4", [...args, "-c"], plain);
    const { decompress } = await openCodec("lz4");
    const input = inChunks(stored, { sizeBytesMax: 50_000, seed: 4 });
    expect(Buffer.compare(await collect(decompress(input), 1 << 26), plain)).toBe(0);
  });

  test("reads frames in a row, and refuses a cut in the second", async () => {
    const stored = runTool("lz4", ["-c", "-B4", "-BD"], plain);
    const { decompress } = await openCodec("lz4");
    const read = (bytes: Uint8Array) =>
      collect(decompress(inChunks(bytes, { sizeBytesMax: 50_000, seed: 5 })), 1 << 26);
    const both = Buffer.concat([stored, stored]);
    expect(Buffer.compare(await read(both), Buffer.concat([plain, plain]))).toBe(0);
    await expect(read(both.subarray(0, -9))).rejects.toThrow(CorruptObjectError);
  });
});
