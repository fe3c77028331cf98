// Proves that every piece of a file is seen once, in order and with its own bytes, also where the
// file is shorter than was said, and that a failure waits for the reads that still run.
import { closeSync, ftruncateSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { READ_AHEAD_BYTES, ReadingAhead } from "../../../../src/database/postgres/reading-ahead.ts";
import { pageLike } from "../../../support/sample-bytes.ts";
import { makeScratch } from "../../../support/scratch.ts";

const CONTENT = pageLike(5 * READ_AHEAD_BYTES + 70_000, 3);

function scratchFile(bytes: Uint8Array) {
  const scratch = makeScratch("reading-ahead");
  const path = join(scratch.path, "file");
  writeFileSync(path, bytes);
  const descriptor = openSync(path, "r+");
  return {
    descriptor,
    [Symbol.dispose]: () => {
      closeSync(descriptor);
      scratch[Symbol.dispose]();
    },
  };
}

async function piecesOf(descriptor: number, sizeBytes: number, reader = new ReadingAhead()) {
  const pieces: { readonly position: number; readonly bytes: Uint8Array }[] = [];
  await reader.read(descriptor, sizeBytes, (bytes, position) => {
    pieces.push({ position, bytes: bytes.slice() });
  });
  return pieces;
}

describe("reading ahead", () => {
  it.each([0, 1, READ_AHEAD_BYTES, 3 * READ_AHEAD_BYTES - 1, CONTENT.byteLength])(
    "gives %d bytes in order",
    async (sizeBytes) => {
      using file = scratchFile(CONTENT);
      const pieces = await piecesOf(file.descriptor, sizeBytes);
      expect(pieces).toHaveLength(Math.ceil(sizeBytes / READ_AHEAD_BYTES));
      for (const [index, { position, bytes }] of pieces.entries()) {
        expect(position).toBe(index * READ_AHEAD_BYTES);
        const end = Math.min(sizeBytes, position + READ_AHEAD_BYTES);
        expect(Buffer.compare(bytes, CONTENT.subarray(position, end))).toBe(0);
      }
    },
  );

  it("gives short and empty pieces past the end of the file", async () => {
    using file = scratchFile(CONTENT);
    ftruncateSync(file.descriptor, READ_AHEAD_BYTES + 5);
    const pieces = await piecesOf(file.descriptor, 4 * READ_AHEAD_BYTES);
    expect(pieces.map(({ bytes }) => bytes.byteLength)).toEqual([READ_AHEAD_BYTES, 5, 0, 0]);
  });

  it("reads another file after a failure, with the same buffers", async () => {
    using reader = new ReadingAhead();
    using first = scratchFile(CONTENT);
    using second = scratchFile(CONTENT.subarray(100));
    const failing = reader.read(first.descriptor, CONTENT.byteLength, () => {
      throw new Error("seen enough");
    });
    await expect(failing).rejects.toThrow("seen enough");
    const sizeBytes = CONTENT.byteLength - 100;
    const pieces = await piecesOf(second.descriptor, sizeBytes, reader);
    const all = Buffer.concat(pieces.map(({ bytes }) => bytes));
    expect(Buffer.compare(all, CONTENT.subarray(100))).toBe(0);
  });

  it("says what the system says", async () => {
    using scratch = makeScratch("reading-ahead");
    const descriptor = openSync(scratch.path, "r");
    await expect(piecesOf(descriptor, CONTENT.byteLength)).rejects.toThrow(/EISDIR/);
    closeSync(descriptor);
  });
});
