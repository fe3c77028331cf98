// Proves the container on files made by hand: each checksum right and wrong, blocks stored as
// they are, old headers, and features that are refused.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { LZO_CODEC } from "../../../src/codec/lzo.ts";
import { bytesSource, collect } from "../../../src/stream/byte-stream.ts";

const ADLER = 0x1;
const ADLER_STORED = 0x2;
const CRC = 0x100;
const CRC_STORED = 0x200;
const HEADER_CRC = 0x1000;
const COMPRESSED = Buffer.from([0x01, 97, 98, 99, 100, 0x8c, 0, 0x11, 0, 0]);
const PLAIN = "abcdabcda";

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function header(flags: number, options: { version?: number; method?: number } = {}): Buffer {
  const version = options.version ?? 0x1040;
  const isNew = version >= 0x940;
  const fields = Buffer.concat([
    Buffer.from([version >> 8, version & 0xff, 0x20, 0x80]),
    isNew ? Buffer.from([0x09, 0x40]) : Buffer.alloc(0),
    Buffer.from([options.method ?? 1]),
    isNew ? Buffer.from([5]) : Buffer.alloc(0),
    uint32(flags),
    Buffer.alloc(isNew ? 12 : 8),
    Buffer.from([4]),
    Buffer.from("name"),
  ]);
  const hash = (flags & HEADER_CRC) !== 0 ? Bun.hash.crc32(fields) : Bun.hash.adler32(fields);
  return Buffer.concat([Buffer.from("894c5a4f000d0a1a0a", "hex"), fields, uint32(hash)]);
}

const END = uint32(0);
/** A block with every checksum that the flags ask for. */
function block(flags: number, plain = PLAIN, stored: Uint8Array = Buffer.from(plain)): Buffer {
  const isCompressed = stored.byteLength < plain.length;
  const sums: Buffer[] = [];
  if ((flags & ADLER) !== 0) sums.push(uint32(Bun.hash.adler32(plain)));
  if ((flags & CRC) !== 0) sums.push(uint32(Bun.hash.crc32(plain)));
  if (isCompressed && (flags & ADLER_STORED) !== 0) sums.push(uint32(Bun.hash.adler32(stored)));
  if (isCompressed && (flags & CRC_STORED) !== 0) sums.push(uint32(Bun.hash.crc32(stored)));
  return Buffer.concat([uint32(plain.length), uint32(stored.byteLength), ...sums, stored]);
}

const LONG_PLAIN = `${PLAIN}bcdabcdabcda`;
const LONG = Buffer.from([...COMPRESSED.subarray(0, 5), 0x2f, 0x0c, 0, 0x11, 0, 0]);

async function read(...parts: Uint8Array[]): Promise<string> {
  const input = bytesSource(Buffer.concat(parts)).open(new AbortController().signal);
  return Buffer.from(await collect(LZO_CODEC.decompress(input), 1 << 20)).toString();
}

describe("lzop files", () => {
  test.each([0, ADLER, CRC, ADLER | ADLER_STORED, CRC | CRC_STORED, 0x303, HEADER_CRC | ADLER])(
    "are read with flags %d",
    async (flags) => {
      expect(await read(header(flags), block(flags), END)).toBe(PLAIN);
      expect(await read(header(flags), block(flags, LONG_PLAIN, LONG), block(flags), END)).toBe(
        LONG_PLAIN + PLAIN,
      );
    },
  );

  test("are read with the header of old versions, and empty", async () => {
    expect(await read(header(ADLER, { version: 0x0900 }), block(ADLER), END)).toBe(PLAIN);
    expect(await read(header(ADLER), END)).toBe("");
  });

  test.each([ADLER, CRC, ADLER_STORED, CRC_STORED])(
    "are refused with a wrong checksum, flag %d",
    async (flag) => {
      const wrong = block(flag, LONG_PLAIN, LONG);
      wrong[8] = (wrong[8] ?? 0) ^ 1;
      await expect(read(header(flag), wrong, END)).rejects.toThrow("does not match its checksum");
    },
  );

  test.each([
    ["another magic number", [Buffer.from("894c5a4f000d0a1a0b", "hex"), Buffer.alloc(60)]],
    ["an unknown method", [header(0, { method: 4 }), block(0), END]],
    ["a filter", [header(0x800), block(0), END]],
    ["several parts", [header(0x400), block(0), END]],
    ["no end", [header(0), block(0)]],
    ["something behind the end", [header(0), block(0), END, Buffer.from([0])]],
    ["a block that grew", [header(0), uint32(3), uint32(4), Buffer.from("abcd"), END]],
    ["a block above the limit", [header(0), uint32(0x04000001), uint32(1), END]],
  ])("are refused with %s", async (_what, parts) => {
    await expect(read(...parts)).rejects.toThrow(CorruptObjectError);
  });

  test("are refused with any wrong byte in the header", async () => {
    const right = header(ADLER);
    for (let at = 0; at < right.byteLength; at++) {
      const wrong = Buffer.from(right);
      wrong[at] = (wrong[at] ?? 0) ^ 0x80;
      await expect(read(wrong, block(ADLER), END), `byte ${at}`).rejects.toThrow(
        CorruptObjectError,
      );
    }
  });
});
