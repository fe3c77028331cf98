// The codec suite for lzma.
import { openCodec } from "../../src/codec/registry.ts";
import { runTool } from "../support/compression-tool.ts";
import { testCodec } from "./codec.suite.ts";

const MIB = 1 << 20;

testCodec({
  title: "lzma",
  open: () => openCodec("lzma"),
  sizes: [0, 1, 2, 3, 4, 273, 274, 275, 4096, 65536, MIB, 3 * MIB + 275],
  readAheadBytesMax: MIB,
  toolCompress: (plain) => runTool("xz", ["--format=lzma", "-2", "-c"], plain),
  toolDecompress: (stored) => runTool("xz", ["--format=lzma", "-dc"], stored),
});
