// Proves that objects kept from WAL-G and from earlier versions of tidemark stay readable for
// ever, and that lz4 is still written with the same bytes.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defined } from "../../src/base/assert.ts";
import { EXTENSIONS, openCodec } from "../../src/codec/registry.ts";
import { bytesSource, collect } from "../../src/stream/byte-stream.ts";

const FOLDER = join(import.meta.dirname, "../golden/codec");
const CODECS = ["lz4", "zstd", "brotli", "lzma"] as const;

const golden = (name: string) => readFileSync(join(FOLDER, name));
const open = (bytes: Uint8Array) => bytesSource(bytes).open(new AbortController().signal);

test.each(CODECS)("reads what WAL-G wrote with %s", async (name) => {
  const stored = golden(`walg-${name}.${EXTENSIONS[name]}`);
  const plain = await collect((await openCodec(name)).decompress(open(stored)), 1 << 20);
  expect(Buffer.from(plain).toString()).toBe(golden(`walg-${name}.txt`).toString());
});

test.each(CODECS)("reads what tidemark wrote with %s", async (name) => {
  const stored = golden(`tidemark-${name}.${EXTENSIONS[name]}`);
  const plain = await collect((await openCodec(name)).decompress(open(stored)), 1 << 20);
  expect(Buffer.from(plain).toString()).toBe(golden("tidemark-plain.txt").toString());
});

test("writes lz4 with WAL-G's frame around its own blocks", async () => {
  const compress = defined((await openCodec("lz4")).compress, "compress");
  const written = await collect(compress(open(golden("tidemark-plain.txt"))), 1 << 20);
  const walg = golden("walg-lz4.lz4");
  expect(Buffer.from(written).subarray(0, 7)).toEqual(walg.subarray(0, 7));
  expect(Buffer.from(written)).toEqual(golden("tidemark-lz4.lz4"));
});
