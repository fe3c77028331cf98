// Proves that an increment gives the file its size and its pages their places, in any chunks and
// more than once, and that every cut, surplus and disorder is refused.
import { describe, expect, it } from "vitest";
import { IncrementApplier } from "../../../src/delta/increment-apply.ts";
import { concatBytes } from "../../../src/stream/byte-stream.ts";

const PAGE = 8192;

function increment(fileBytes: number, blocks: readonly number[]): Uint8Array {
  const head = new Uint8Array(16 + 4 * blocks.length);
  const view = new DataView(head.buffer);
  head.set([0x77, 0x69, 0x31, 0x55]);
  view.setBigUint64(4, BigInt(fileBytes), true);
  view.setUint32(12, blocks.length, true);
  for (const [index, block] of blocks.entries()) view.setUint32(16 + 4 * index, block, true);
  return concatBytes([head, ...blocks.map((block) => new Uint8Array(PAGE).fill(block + 100))]);
}

/** A file in memory that grows as a real one does. */
class MemoryFile {
  content = new Uint8Array(0);

  begin({ fileBytes }: { readonly fileBytes: number }): void {
    this.truncate(fileBytes);
  }

  truncate(sizeBytes: number): void {
    const resized = new Uint8Array(sizeBytes);
    resized.set(this.content.subarray(0, sizeBytes));
    this.content = resized;
  }

  writeAt(bytes: Uint8Array, position: number): void {
    const end = position + bytes.byteLength;
    if (end > this.content.byteLength) this.truncate(end);
    this.content.set(bytes, position);
  }
}

function apply(file: MemoryFile, bytes: Uint8Array, chunkBytes = bytes.byteLength): void {
  const applier = new IncrementApplier(file, { isOriole: false, what: "base/1/2" });
  for (let offset = 0; offset < bytes.byteLength; offset += chunkBytes) {
    applier.push(bytes.subarray(offset, offset + chunkBytes));
  }
  applier.finish();
}

function pagesOf(file: MemoryFile): readonly number[] {
  return Array.from({ length: file.content.byteLength / PAGE }, (_, i) => {
    const page = file.content.subarray(i * PAGE, (i + 1) * PAGE);
    const [first = -1] = page;
    expect(page.every((byte) => byte === first)).toBe(true);
    return first;
  });
}

function fileOf(pages: readonly number[]): MemoryFile {
  const file = new MemoryFile();
  for (const [i, byte] of pages.entries()) file.writeAt(new Uint8Array(PAGE).fill(byte), i * PAGE);
  return file;
}

describe("increment", () => {
  it.each([1, 3, 16, 20, 8191, 8192, 8193, 30_000, 1 << 20])("applies in chunks of %i", (size) => {
    const file = fileOf([1, 2, 3, 4, 5]);
    apply(file, increment(5 * PAGE, [1, 2, 4]), size);
    expect(pagesOf(file)).toEqual([1, 101, 102, 4, 104]);
  });

  it("truncates and extends to the recorded size, also without pages", () => {
    const shrunk = fileOf([1, 2, 3]);
    apply(shrunk, increment(PAGE, []));
    expect(pagesOf(shrunk)).toEqual([1]);
    const grown = fileOf([1]);
    apply(grown, increment(3 * PAGE, [2]));
    expect(pagesOf(grown)).toEqual([1, 0, 102]);
  });

  it("writes pages past the recorded size: the file grew while it was read", () => {
    const file = fileOf([1]);
    apply(file, increment(2 * PAGE, [1, 3]));
    expect(pagesOf(file)).toEqual([1, 101, 0, 103]);
  });

  it("gives the same file when it is applied again", () => {
    const file = fileOf([1, 2, 3]);
    const bytes = increment(2 * PAGE, [0]);
    apply(file, bytes);
    apply(file, bytes);
    expect(pagesOf(file)).toEqual([100, 2]);
  });

  it("is refused when cut anywhere", () => {
    const bytes = increment(3 * PAGE, [0, 2]);
    const sizes = [...Array(30).keys(), 8215, 8216, 8217, bytes.byteLength - 1];
    for (const size of sizes) {
      expect(() => apply(fileOf([1, 2, 3]), bytes.subarray(0, size))).toThrow(/ends early/);
    }
  });

  it("is refused with data after the last page, and with blocks out of order", () => {
    const longer = concatBytes([increment(PAGE, [0]), Uint8Array.of(1)]);
    expect(() => apply(fileOf([1]), longer)).toThrow(/after the last page/);
    expect(() => apply(fileOf([1]), increment(PAGE, [1, 0]))).toThrow(/block 0 out of order/);
    expect(() => apply(fileOf([1]), increment(PAGE, [1, 1]))).toThrow(/block 1 out of order/);
    expect(() => apply(fileOf([1]), increment(PAGE, [2 ** 31]))).toThrow(/out of order/);
  });
});
