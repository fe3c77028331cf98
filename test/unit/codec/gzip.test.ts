// Proves that gzip members are read one after the other, and that a wrong CRC or size, which the
// content alone would not show, is refused.
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { GZIP_CODEC } from "../../../src/codec/gzip.ts";
import { bytesSource, collect } from "../../../src/stream/byte-stream.ts";

async function read(stored: Uint8Array): Promise<string> {
  const input = bytesSource(stored).open(new AbortController().signal);
  return Buffer.from(await collect(GZIP_CODEC.decompress(input), 1 << 20)).toString();
}

describe("gzip", () => {
  const member = gzipSync("one member; ");

  test("reads members in a row", async () => {
    expect(await read(Buffer.concat([member, member]))).toBe("one member; one member; ");
  });

  test.each([1, 4, 5, 8])("refuses a wrong byte, %d from the end", async (back) => {
    const wrong = Buffer.from(member);
    wrong[wrong.byteLength - back] = (wrong[wrong.byteLength - back] ?? 0) ^ 1;
    await expect(read(wrong)).rejects.toThrow(CorruptObjectError);
  });

  test("refuses half a second member", async () => {
    const half = member.subarray(0, member.byteLength / 2);
    await expect(read(Buffer.concat([member, half]))).rejects.toThrow(CorruptObjectError);
  });
});
