// The codec suite for lz4.
import { openCodec } from "../../src/codec/registry.ts";
import { runTool } from "../support/compression-tool.ts";
import { testCodec } from "./codec.suite.ts";

const MIB = 1 << 20;

testCodec({
  title: "lz4",
  open: () => openCodec("lz4"),
  sizes: [0, 1, 4, 5, 11, 12, 13, 14, 64, 300, 65536, MIB, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1],
  toolCompress: (plain) => runTool("lz4", ["-c"], plain),
  toolDecompress: (stored) => runTool("lz4", ["-dc"], stored),
});
