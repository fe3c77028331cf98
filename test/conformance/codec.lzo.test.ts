// The codec suite for lzo, which is only read: the standard tool writes, at each kind of level.
import { openCodec } from "../../src/codec/registry.ts";
import { runTool } from "../support/compression-tool.ts";
import { testCodec } from "./codec.suite.ts";

for (const level of ["-1", "-3", "-9"]) {
  testCodec({
    title: `lzo, lzop ${level}`,
    open: () => openCodec("lzo"),
    sizes: [0, 1, 3, 17, 18, 238, 239, 65536, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1],
    toolCompress: (plain) => runTool("lzop", [level, "-c"], plain),
    toolDecompress: (stored) => runTool("lzop", ["-dc"], stored),
  });
}
