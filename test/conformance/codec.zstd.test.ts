// The codec suite for zstd, once per engine; the tool writes one frame of unknown size as WAL-G.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../src/base/errors.ts";
import { openCodec } from "../../src/codec/registry.ts";
import { collect } from "../../src/stream/byte-stream.ts";
import { runTool } from "../support/compression-tool.ts";
import { inChunks, incompressible, pageLike } from "../support/sample-bytes.ts";
import { testCodec } from "./codec.suite.ts";

const MIB = 1 << 20;

// With 1 the builtin engine decodes in the calling thread.
for (const [zstdEngine, parallelism] of [
  ["builtin", 3],
  ["builtin", 1],
  ["addon", 3],
] as const) {
  testCodec({
    title: `zstd, ${zstdEngine} engine, ${parallelism} at once`,
    open: () => openCodec("zstd", { zstdEngine, parallelism }),
    sizes: [0, 1, 255, 256, 65791, 65792, 131071, 131073, MIB - 1, MIB, MIB + 1, 3 * MIB],
    toolCompress: (plain) => runTool("zstd", ["-3", "-c"], plain),
    toolDecompress: (stored) => runTool("zstd", ["-dc"], stored),
    readsNothingAsEmpty: true,
  });
}

describe.each(["builtin", "addon"] as const)("zstd frames of every kind, %s engine", (engine) => {
  const plain = Buffer.concat([pageLike(6 * MIB, 1), incompressible(MIB, 2), pageLike(6 * MIB, 3)]);

  async function read(stored: Uint8Array): Promise<Uint8Array> {
    const { decompress } = await openCodec("zstd", { zstdEngine: engine });
    return collect(decompress(inChunks(stored, { sizeBytesMax: 50_000, seed: 4 })), 1 << 28);
  }

  test.each([
    ["fastest", ["--fast=5"]],
    ["best", ["-15"]],
    ["a window of 128 MiB", ["--long=27"]],
    ["no checksum", ["--no-check"]],
    ["a size in the header", ["--stream-size=13631488"]],
    ["several threads", ["-T2", "-1"]],
  ])("reads %s", async (_what, args) => {
    const stored = runTool("zstd", [...args, "-c"], plain);
    expect(Buffer.compare(await read(stored), plain)).toBe(0);
  });

  test("refuses a window above 512 MiB before it makes memory for it", async () => {
    const stored = runTool("zstd", ["--ultra", "-1", "--long=30", "-c"], plain);
    await expect(read(stored)).rejects.toThrow("window above 512 MiB");
  });

  test("refuses every kind of cut in a large foreign frame", async () => {
    const stored = runTool("zstd", ["-1", "-c"], plain);
    for (let back = 1; back < 200; back += 7) {
      const result = await read(stored.subarray(0, -back)).catch((error: unknown) => error);
      expect(result, `${back} bytes less`).toBeInstanceOf(CorruptObjectError);
    }
  });
});
