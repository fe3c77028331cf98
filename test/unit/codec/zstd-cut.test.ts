// Proves that the beginning of a frame decodes, with both engines, to as many whole blocks as are
// needed, that frames of which nobody knows what their blocks hold are left as they are, and that
// no damage makes the cutter give more or other bytes than a decoder would refuse.
import { constants, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { defined } from "../../../src/base/assert.ts";
import { openZstdCodec } from "../../../src/codec/zstd.ts";
import { cutZstdFrame } from "../../../src/codec/zstd-cut.ts";
import { openZstdEngine } from "../../../src/codec/zstd-engine.ts";
import { bytesSource, collect } from "../../../src/stream/byte-stream.ts";
import { fuzzSeed, seededRandom } from "../../support/random.ts";
import { NEVER } from "../../support/receipts.ts";
import { pageLike } from "../../support/sample-bytes.ts";

const SEED = fuzzSeed();
const BLOCK_BYTES = 128 << 10;
const PLAIN = pageLike(4 * BLOCK_BYTES, 5);

async function frameOf(plain: Uint8Array, zstdEngine: "builtin" | "addon" = "builtin") {
  const compress = defined((await openZstdCodec({ zstdEngine })).compress, "compress");
  return await collect(compress(bytesSource(plain).open(NEVER)), 8 << 20);
}

/** As a stream, which knows neither its size nor its end: with the content's size in front. */
function streamed(plain: Uint8Array, params: Readonly<Record<number, number | boolean>>) {
  return zstdCompressSync(plain, { params });
}

describe("the beginning of a zstd frame", () => {
  it.each(["builtin", "addon"] as const)("is whole blocks (written by %s)", async (writer) => {
    const frame = await frameOf(PLAIN, writer);
    for (const reader of ["builtin", "addon"] as const) {
      const { decompress } = await openZstdEngine(reader);
      for (const neededBytes of [1, 8192, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES]) {
        const cut = cutZstdFrame(frame, PLAIN.byteLength, neededBytes);
        const keptBytes = Math.ceil(neededBytes / BLOCK_BYTES) * BLOCK_BYTES;
        expect(cut?.plainBytes).toBe(keptBytes);
        const plain = await decompress(cut?.bytes ?? new Uint8Array());
        expect(Buffer.compare(plain, PLAIN.subarray(0, keptBytes))).toBe(0);
        expect(cut?.bytes.byteLength).toBeLessThan(frame.byteLength);
      }
    }
  });

  it("is not to be had where all is needed, or blocks are not full", async () => {
    const frame = await frameOf(PLAIN);
    expect(cutZstdFrame(frame, PLAIN.byteLength, 3 * BLOCK_BYTES + 1)).toBeUndefined();
    expect(cutZstdFrame(frame, PLAIN.byteLength, 0)).toBeUndefined();
    expect(cutZstdFrame(frame, PLAIN.byteLength - BLOCK_BYTES, 1)).toBeUndefined();
    expect(cutZstdFrame(frame, PLAIN.byteLength + BLOCK_BYTES, 1)).toBeUndefined();
    const odd = PLAIN.subarray(0, 3 * BLOCK_BYTES + 8192);
    expect(cutZstdFrame(await frameOf(odd), odd.byteLength, 1)).toBeUndefined();
    const narrow = streamed(PLAIN, { [constants.ZSTD_c_windowLog]: 16 });
    expect(cutZstdFrame(narrow, PLAIN.byteLength, 1)).toBeUndefined();
  });

  it("keeps blocks of repeated and of plain bytes", async () => {
    const random = crypto.getRandomValues(new Uint8Array(64 << 10));
    const plain = Buffer.concat([new Uint8Array(BLOCK_BYTES).fill(7), random, random]);
    const all = Buffer.concat([plain, new Uint8Array(BLOCK_BYTES).fill(8)]);
    // Magic number, a descriptor with the content's size in 4 bytes and no window, the size.
    const head = Buffer.from("28b52ffda000000000", "hex");
    head.writeUInt32LE(all.byteLength, 5);
    const frame = Buffer.concat([
      head,
      block(1, 0, 7),
      block(0, 0, random, random),
      block(1, 1, 8),
    ]);
    const { decompress } = await openZstdEngine("builtin");
    expect(Buffer.compare(await decompress(frame), all)).toBe(0);
    for (const keptBytes of [BLOCK_BYTES, 2 * BLOCK_BYTES]) {
      const cut = cutZstdFrame(frame, all.byteLength, keptBytes);
      const found = await decompress(cut?.bytes ?? new Uint8Array());
      expect(Buffer.compare(found, all.subarray(0, keptBytes))).toBe(0);
    }
  });

  it("is nothing of a frame that is cut short", async () => {
    const frame = await frameOf(PLAIN);
    for (let length = 0; length < frame.byteLength - 4; length += length < 40 ? 1 : 997) {
      expect(cutZstdFrame(frame.subarray(0, length), PLAIN.byteLength, 1)).toBeUndefined();
    }
  });

  it(`of a damaged frame has the promised size, or does not decode (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const { decompress } = await openZstdEngine("builtin");
    const frame = await frameOf(PLAIN);
    for (let round = 0; round < 300; round += 1) {
      const damaged = frame.slice();
      const at = random.below(round < 150 ? 16 : damaged.byteLength);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << random.below(8));
      const plain = await cutAndDecoded(damaged, decompress);
      if (plain !== undefined) expect(plain).toBe(BLOCK_BYTES);
    }
  });
});

/** A full block: of one byte that is repeated (type 1), or as it is (type 0). */
function block(type: 0 | 1, last: 0 | 1, ...content: readonly (number | Uint8Array)[]): Buffer {
  const head = Buffer.alloc(3);
  head.writeUIntLE((BLOCK_BYTES << 3) | (type << 1) | last, 0, 3);
  const bytes = content.map((one) => (typeof one === "number" ? Uint8Array.of(one) : one));
  return Buffer.concat([head, ...bytes]);
}

async function cutAndDecoded(
  frame: Uint8Array,
  decompress: (frame: Uint8Array) => Promise<Uint8Array>,
): Promise<number | undefined> {
  try {
    const cut = cutZstdFrame(frame, PLAIN.byteLength, 1);
    return cut === undefined ? undefined : (await decompress(cut.bytes)).byteLength;
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return undefined;
  }
}
