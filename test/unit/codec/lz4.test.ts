// Proves the frame format: WAL-G's header and empty frame byte for byte, and every field of a
// frame made by hand, right and wrong; that linked blocks outlive the memory of the ones before,
// and that timers fire while many blocks are coded from memory.
import { describe, expect, test } from "vitest";
import { defined } from "../../../src/base/assert.ts";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { LZ4_CODEC } from "../../../src/codec/lz4.ts";
import { bytesSource, collect } from "../../../src/stream/byte-stream.ts";
import { recycle } from "../../../src/stream/chunk-pool.ts";
import { runTool } from "../../support/compression-tool.ts";
import { incompressible, pageLike } from "../../support/sample-bytes.ts";

const WALG_HEADER = "04224d186470b9";
/** Magic number, then from FLG on; the header's checksum is put right. */
function header(flags: number, sizes: number, ...optional: number[]): Buffer {
  const fields = Uint8Array.of(flags, sizes, ...optional);
  const checksum = (Bun.hash.xxHash32(fields) >>> 8) & 0xff;
  return Buffer.from([0x04, 0x22, 0x4d, 0x18, ...fields, checksum]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

function stored(text: string): Buffer {
  return Buffer.concat([uint32(0x80000000 + text.length), Buffer.from(text)]);
}

const END = uint32(0);
const PLAIN = Buffer.concat([header(0x60, 0x40), stored("abc"), END]);
const SKIPPABLE = Buffer.concat([uint32(0x184d2a5f), uint32(3), Buffer.from("any")]);

async function read(...parts: Uint8Array[]): Promise<string> {
  const input = bytesSource(Buffer.concat(parts)).open(new AbortController().signal);
  return Buffer.from(await collect(LZ4_CODEC.decompress(input), 1 << 20)).toString();
}

async function write(text: string): Promise<string> {
  const input = bytesSource(text).open(new AbortController().signal);
  const compress = LZ4_CODEC.compress?.(input);
  return Buffer.from(await collect(compress ?? input, 1 << 20)).toString("hex");
}

describe("lz4 frames", () => {
  test("are WAL-G's, byte for byte, for nothing", async () => {
    expect(await write("")).toBe(`${WALG_HEADER}00000000055dcc02`);
  });

  test("hold what does not shrink as it is, between WAL-G's header and the checksum", async () => {
    const checksum = uint32(Bun.hash.xxHash32("abc")).toString("hex");
    expect(await write("abc")).toBe(`${WALG_HEADER}03000080616263` + `00000000${checksum}`);
  });

  test.each([
    ["no checksum", [PLAIN], "abc"],
    ["two frames", [PLAIN, PLAIN], "abcabc"],
    ["skippable frames around", [SKIPPABLE, PLAIN, SKIPPABLE], "abc"],
    ["only a skippable frame", [SKIPPABLE], ""],
    ["a content size", [header(0x68, 0x40, 3, 0, 0, 0, 0, 0, 0, 0), stored("abc"), END], "abc"],
    [
      "block checksums",
      [header(0x70, 0x40), stored("abc"), uint32(Bun.hash.xxHash32("abc")), END],
      "abc",
    ],
    [
      "a linked block that reaches into a stored one",
      [header(0x40, 0x40), stored("abcdef"), uint32(5), Buffer.from([0x02, 6, 0, 0x10, 33]), END],
      "abcdefabcdef!",
    ],
  ])("are read with %s", async (_what, parts, plain) => {
    expect(await read(...parts)).toBe(plain);
  });

  test.each([
    ["another version", [header(0xa0, 0x40), stored("abc"), END]],
    ["a reserved flag", [header(0x62, 0x40), stored("abc"), END]],
    ["a reserved size bit", [header(0x60, 0x41), stored("abc"), END]],
    ["a block size that does not exist", [header(0x60, 0x30), stored("abc"), END]],
    ["a dictionary", [header(0x61, 0x40, 1, 0, 0, 0), stored("abc"), END]],
    ["a wrong header checksum", [Buffer.from("04224d18604000", "hex"), stored("abc"), END]],
    ["a wrong content size", [header(0x68, 0x40, 4, 0, 0, 0, 0, 0, 0, 0), stored("abc"), END]],
    ["a wrong block checksum", [header(0x70, 0x40), stored("abc"), uint32(1), END]],
    ["a wrong content checksum", [header(0x64, 0x40), stored("abc"), END, uint32(1)]],
    ["a block above the frame's limit", [header(0x60, 0x40), uint32(0x80010001), END]],
    [
      "an independent block that reaches back",
      [header(0x60, 0x40), stored("abcdef"), uint32(5), Buffer.from([0x02, 6, 0, 0x10, 33]), END],
    ],
    ["a skippable frame cut short", [PLAIN, SKIPPABLE.subarray(0, 9)]],
    ["the old format", [Buffer.from("02214c1800000000", "hex")]],
  ])("are refused with %s", async (_what, parts) => {
    await expect(read(...parts)).rejects.toThrow(CorruptObjectError);
  });
});

test("reads linked blocks when the consumer gives every chunk's memory back", async () => {
  // Noise that is stored as it is, between blocks that reach back into it.
  const noise = incompressible(65_536, 1);
  const plain = Buffer.concat([noise, noise, incompressible(200_000, 2), pageLike(300_000, 3)]);
  const linked = runTool("lz4", ["-c", "-B4", "-BD"], plain);
  // Pieces, so that blocks are put together in memory of their own.
  async function* pieces() {
    for (let offset = 0; offset < linked.byteLength; offset += 1000) {
      yield linked.subarray(offset, offset + 1000);
    }
  }
  let checkedBytes = 0;
  for await (const chunk of LZ4_CODEC.decompress(pieces())) {
    const expected = plain.subarray(checkedBytes, checkedBytes + chunk.byteLength);
    expect(Buffer.compare(chunk, expected)).toBe(0);
    checkedBytes += chunk.byteLength;
    recycle(chunk);
  }
  expect(checkedBytes).toBe(plain.byteLength);
});

test("lets timers fire between the blocks of one large chunk", async () => {
  const plain = pageLike(40 << 20, 4);
  const open = (bytes: Uint8Array) => bytesSource(bytes).open(new AbortController().signal);
  const compress = defined(LZ4_CODEC.compress, "compress");
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const stored = await collect(compress(open(plain)), 1 << 28);
  const turnsOfWriting = turns;
  const again = await collect(LZ4_CODEC.decompress(open(stored)), 1 << 28);
  clearInterval(timer);
  expect(Buffer.compare(again, plain)).toBe(0);
  expect(turnsOfWriting).toBeGreaterThanOrEqual(5);
  expect(turns - turnsOfWriting).toBeGreaterThanOrEqual(5);
});
