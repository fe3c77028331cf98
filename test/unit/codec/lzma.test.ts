// Proves WAL-G's header in front of what is written, xz's own sample of an empty file, and that
// timers fire while many megabytes are coded from memory, where no stage ever waits.
import { expect, test } from "vitest";
import { defined } from "../../../src/base/assert.ts";
import { LZMA_CODEC } from "../../../src/codec/lzma.ts";
import { bytesSource, collect } from "../../../src/stream/byte-stream.ts";
import { incompressible, pageLike } from "../../support/sample-bytes.ts";

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

test("lets timers fire while one large chunk is coded, whatever it holds", async () => {
  const compress = defined(LZMA_CODEC.compress, "compress");
  const plain = Buffer.concat([
    pageLike(9 << 20, 1),
    new Uint8Array(10 << 20),
    incompressible(1 << 20, 2),
  ]);
  let turns = 0;
  let isDone = false;
  const count = () => {
    turns++;
    if (!isDone) setTimeout(count, 0);
  };
  setTimeout(count, 0);
  const stored = await collect(compress(open(plain)), 1 << 28);
  const turnsOfWriting = turns;
  const again = await collect(LZMA_CODEC.decompress(open(stored)), 1 << 28);
  isDone = true;
  expect(Buffer.compare(again, plain)).toBe(0);
  // A turn per 64 KiB, of which fast ones may fall into the same millisecond.
  expect(turnsOfWriting).toBeGreaterThan(100);
  expect(turns - turnsOfWriting).toBeGreaterThan(30);
});
