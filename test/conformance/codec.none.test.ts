// The codec suite for `none`, which proves nothing by itself: sizes and hashes are recorded.
import { openCodec } from "../../src/codec/registry.ts";
import { testCodec } from "./codec.suite.ts";

testCodec({
  title: "none",
  open: () => openCodec("none"),
  sizes: [0, 1, 65536, 1 << 20],
  provesNothing: true,
});
