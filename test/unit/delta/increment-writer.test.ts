// Increments byte by byte: the prelude that WAL-G writes for its own sample, then pages in order,
// whatever the sizes of reads; of pages that are gone, zeros; hashes of each page as it is stored.
import { describe, expect, test } from "vitest";
import {
  encodeIncrementPrelude,
  IncrementWriter,
  incrementBytes,
} from "../../../src/delta/increment-writer.ts";

const PAGE = 8192;

/** Page n is filled with n + 1. */
function fileOf(pageCount: number): Uint8Array {
  const file = new Uint8Array(pageCount * PAGE);
  for (let page = 0; page < pageCount; page += 1) {
    file.fill(page + 1, page * PAGE, (page + 1) * PAGE);
  }
  return file;
}

async function written(writer: IncrementWriter, readBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const target = new Uint8Array(readBytes);
    const bytes = await writer.read(target);
    if (bytes === 0) return Buffer.concat(chunks);
    chunks.push(target.subarray(0, bytes));
  }
}

test("the prelude is WAL-G's, for the blocks that it takes of its own sample", () => {
  const prelude = encodeIncrementPrelude(8 * PAGE, Uint32Array.of(3, 4, 5, 6, 7));
  expect(Buffer.from(prelude).toString("hex")).toBe(
    "7769315500000100000000000500000003000000040000000500000006000000" + "07000000",
  );
  expect(incrementBytes(5)).toBe(40_996);
});

describe("the content", () => {
  const file = fileOf(80);
  const blocks = Uint32Array.from([0, ...Array.from({ length: 70 }, (_, i) => i + 2), 75, 79]);
  const expected = Buffer.concat([
    encodeIncrementPrelude(file.byteLength, blocks),
    ...[...blocks].map((block) => file.subarray(block * PAGE, (block + 1) * PAGE)),
  ]);

  test.each([1, 1000, PAGE, 100_000, 1 << 20])("in reads of %i bytes", async (readBytes) => {
    for (const isAsync of [false, true]) {
      let longest = 0;
      const writer = new IncrementWriter({
        fileBytes: file.byteLength,
        blocks,
        readPages: (target, block) => {
          longest = Math.max(longest, target.byteLength);
          const piece = file.subarray(block * PAGE, block * PAGE + target.byteLength);
          target.set(piece);
          return isAsync ? Promise.resolve(piece.byteLength) : piece.byteLength;
        },
      });
      expect(writer.sizeBytes).toBe(expected.byteLength);
      // One byte at a time takes too long for the whole.
      const content = await written(writer, readBytes === 1 ? 977 : readBytes);
      expect(content.equals(expected)).toBe(true);
      expect(longest).toBe(32 * PAGE);
      const hashes = [...blocks].map((block) =>
        BigInt(Bun.hash.xxHash3(file.subarray(block * PAGE, (block + 1) * PAGE))),
      );
      expect([...writer.pageHashes]).toEqual(hashes);
    }
  });

  test("of pages that the file has lost is zeros", async () => {
    const short = file.subarray(0, 3 * PAGE + 100);
    const writer = new IncrementWriter({
      fileBytes: 6 * PAGE,
      blocks: Uint32Array.of(2, 3, 5),
      readPages: (target, block) => {
        target.fill(0xee);
        const piece = short.subarray(block * PAGE, block * PAGE + target.byteLength);
        target.set(piece);
        return piece.byteLength;
      },
    });
    const content = await written(writer, 100_000);
    const pages = content.subarray(16 + 12);
    expect(pages.subarray(0, PAGE).every((byte) => byte === 3)).toBe(true);
    expect(pages.subarray(PAGE, PAGE + 100).every((byte) => byte === 4)).toBe(true);
    expect(pages.subarray(PAGE + 100).every((byte) => byte === 0)).toBe(true);
    expect(pages.byteLength).toBe(3 * PAGE);
    expect(writer.pageHashes[2]).toBe(BigInt(Bun.hash.xxHash3(new Uint8Array(PAGE))));
  });

  test("without blocks is the header alone", async () => {
    const writer = new IncrementWriter({
      fileBytes: PAGE,
      blocks: new Uint32Array(0),
      readPages: () => {
        throw new Error("nothing is to be read");
      },
    });
    expect((await written(writer, 100)).toString("hex")).toBe("77693155002000000000000000000000");
  });
});
