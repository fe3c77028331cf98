// Proves that the table behind the frames says where each lies, is skipped by zstd itself, and is
// not believed when it does not fit the object: by every cut and every changed byte.
import { describe, expect, it } from "vitest";
import { openCodec } from "../../../src/codec/registry.ts";
import { readSeekTable, SeekTableWriter } from "../../../src/codec/zstd-seek-table.ts";
import { collect, concatBytes } from "../../../src/stream/byte-stream.ts";
import { byTool } from "../../support/raw-part.ts";
import { pageLike } from "../../support/sample-bytes.ts";

function tableOf(sizes: readonly (readonly [stored: number, plain: number])[]): Uint8Array {
  const writer = new SeekTableWriter();
  for (const [stored, plain] of sizes) writer.add(stored, plain);
  return writer.finish();
}

const SIZES = [
  [10, 100],
  [20, 200],
  [5, 50],
] as const;

describe("a seek table", () => {
  it("gives the places of the frames", () => {
    const table = tableOf(SIZES);
    const index = readSeekTable(table, 35 + table.byteLength);
    expect([...(index?.storedStarts ?? [])]).toEqual([0, 10, 30, 35]);
    expect([...(index?.plainStarts ?? [])]).toEqual([0, 100, 300, 350]);
    const behind = concatBytes([new Uint8Array(100), table]);
    expect(readSeekTable(behind, 35 + table.byteLength)).toEqual(index);
  });

  it("holds more frames than it had room for at first", () => {
    const table = tableOf(Array.from({ length: 1000 }, () => [3, 7] as const));
    const index = readSeekTable(table, 3000 + table.byteLength);
    expect(index?.plainStarts.at(-1)).toBe(7000);
  });

  it("is not believed when it is cut, or of another object", () => {
    const table = tableOf(SIZES);
    for (let start = 1; start <= table.byteLength; start += 1) {
      expect(readSeekTable(table.subarray(start), 35 + table.byteLength)).toBeUndefined();
    }
    expect(readSeekTable(table, 36 + table.byteLength)).toBeUndefined();
    expect(readSeekTable(tableOf([]), tableOf([]).byteLength)).toBeUndefined();
  });

  it("with a changed byte gives no index, or one that ends where the object ends", () => {
    const table = tableOf(SIZES);
    for (let at = 0; at < table.byteLength; at += 1) {
      const changed = table.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x41;
      const index = readSeekTable(changed, 35 + table.byteLength);
      if (index !== undefined) expect(index.storedStarts.at(-1)).toBe(35);
    }
  });
});

describe("zstd objects of many frames", () => {
  it("end with a table that zstd and we skip; those of few do not", async () => {
    const codec = await openCodec("zstd", {});
    const plain = pageLike(40 << 20, 1);
    const compress = codec.compress;
    if (compress === undefined) throw new Error("no writer");
    const stored = await collect(compress(inPieces(plain)), 1 << 30);
    const index = codec.frames?.readIndex(stored.subarray(-65_536), stored.byteLength);
    expect(index?.plainStarts.at(-1)).toBe(plain.byteLength);
    expect(Buffer.compare(byTool(["zstd", "-d", "-c", "-q"], stored), plain)).toBe(0);
    const back = await collect(codec.decompress(inPieces(stored)), 1 << 30);
    expect(Buffer.compare(back, plain)).toBe(0);
    const few = await collect(compress(inPieces(plain.subarray(0, 4 << 20))), 1 << 30);
    expect(codec.frames?.readIndex(few, few.byteLength)).toBeUndefined();
  });
});

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 700_001) yield bytes.slice(at, at + 700_001);
}
