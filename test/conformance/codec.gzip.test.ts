// The codec suite for gzip, which is only read: the standard tool writes.
import { openCodec } from "../../src/codec/registry.ts";
import { runTool } from "../support/compression-tool.ts";
import { testCodec } from "./codec.suite.ts";

testCodec({
  title: "gzip",
  open: () => openCodec("gzip"),
  sizes: [0, 1, 100, 65535, 65536, 1 << 20],
  toolCompress: (plain) => runTool("gzip", ["-c"], plain),
  toolDecompress: (stored) => runTool("gzip", ["-dc"], stored),
});
