// The codec suite for zstd, once per engine; the tool writes one frame of unknown size as WAL-G.
import { openCodec } from "../../src/codec/registry.ts";
import { runTool } from "../support/compression-tool.ts";
import { testCodec } from "./codec.suite.ts";

const MIB = 1 << 20;

for (const zstdEngine of ["builtin", "addon"] as const) {
  testCodec({
    title: `zstd, ${zstdEngine} engine`,
    open: () => openCodec("zstd", { zstdEngine, parallelism: 3 }),
    sizes: [0, 1, 255, 256, 65791, 65792, 131071, 131073, MIB - 1, MIB, MIB + 1, 3 * MIB],
    toolCompress: (plain) => runTool("zstd", ["-3", "-c"], plain),
    toolDecompress: (stored) => runTool("zstd", ["-dc"], stored),
    readsNothingAsEmpty: true,
  });
}
