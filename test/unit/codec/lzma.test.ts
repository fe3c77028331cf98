// Proves WAL-G's header in front of what is written, and xz's own sample of an empty file.
import { expect, test } from "vitest";
import { defined } from "../../../src/base/assert.ts";
import { LZMA_CODEC } from "../../../src/codec/lzma.ts";
import { bytesSource, collect } from "../../../src/stream/byte-stream.ts";

const open = (bytes: Uint8Array | string) => bytesSource(bytes).open(new AbortController().signal);

test("writes an empty object as header and end marker", async () => {
  const written = await collect(defined(LZMA_CODEC.compress, "compress")(open("")), 100);
  expect(Buffer.from(written).toString("hex")).toBe(
    "5d00008000ffffffffffffffff0083fffbffffc0000000",
  );
});

test("reads the empty file of the standard tool", async () => {
  const stored = Buffer.from("5d00008000ffffffffffffffff0083fffbffffc0000000", "hex");
  expect((await collect(LZMA_CODEC.decompress(open(stored)), 100)).byteLength).toBe(0);
});
