// Proves that brotli reads what the runtime's one-shot encoder writes and the reverse; the codec
// suite proves the rest.
import { brotliCompressSync, brotliDecompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { BROTLI_CODEC } from "../../../src/codec/brotli.ts";
import { bytesSource, collect } from "../../../src/stream/byte-stream.ts";
import { pageLike } from "../../support/sample-bytes.ts";

test("agrees with the runtime both ways", async () => {
  const plain = pageLike(100_000, 1);
  const open = (bytes: Uint8Array) => bytesSource(bytes).open(new AbortController().signal);
  const read = await collect(BROTLI_CODEC.decompress(open(brotliCompressSync(plain))), 1 << 20);
  expect(Buffer.compare(read, plain)).toBe(0);
  const compressed = BROTLI_CODEC.compress?.(open(plain)) ?? open(plain);
  const written = await collect(compressed, 1 << 20);
  expect(Buffer.compare(brotliDecompressSync(written), plain)).toBe(0);
});
