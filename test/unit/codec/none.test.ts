// Proves that `none` hands the very same stream on, by identity.
import { expect, test } from "vitest";
import { NONE_CODEC } from "../../../src/codec/none.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";

test("hands the same stream on", () => {
  const stream = bytesSource("abc").open(new AbortController().signal);
  expect(NONE_CODEC.compress?.(stream)).toBe(stream);
  expect(NONE_CODEC.decompress(stream)).toBe(stream);
  expect(NONE_CODEC.detectsFlippedBits).toBe(false);
});
