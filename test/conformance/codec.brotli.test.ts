// The codec suite for brotli.
import { openCodec } from "../../src/codec/registry.ts";
import { runTool } from "../support/compression-tool.ts";
import { testCodec } from "./codec.suite.ts";

const MIB = 1 << 20;

testCodec({
  title: "brotli",
  open: () => openCodec("brotli"),
  sizes: [0, 1, 100, 65536, 256 * 1024 - 1, 256 * 1024 + 1, MIB, 3 * MIB],
  toolCompress: (plain) => runTool("brotli", ["-c", "-q", "3"], plain),
  toolDecompress: (stored) => runTool("brotli", ["-dc"], stored),
});
