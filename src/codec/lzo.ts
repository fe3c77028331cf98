/**
 * The lzop container, numbers big endian:
 *
 * magic 89 4c 5a 4f 00 0d 0a 1a 0a | version (2) | library version (2) | version needed (2, from
 * 0x940) | method (1) | level (1, from 0x940) | flags (4) | filter (4, flag 0x800) | mode (4)
 * | time (4) | time, high half (4, from 0x940) | name length (1) | name | header checksum (4)
 * blocks: plain size (4; 0: the end) | stored size (4) | checksums of the plain bytes: Adler-32
 *         (flag 1), CRC-32 (flag 0x100); of the stored bytes, when smaller: Adler-32 (flag 2),
 *         CRC-32 (flag 0x200) | content
 */
import { ByteReader } from "../stream/byte-reader.ts";
import type { ByteStream } from "../stream/byte-stream.ts";
import type { Codec } from "./codec.ts";
import { corruptLzo, decodeLzoBlock } from "./lzo-block.ts";

const MAGIC = Uint8Array.of(0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a);
const VERSION_WITH_LEVEL = 0x0940;
const BLOCK_BYTES_MAX = 64 << 20;
/** LZO1X-1, LZO1X-1(15), LZO1X-999: all of one format. */
const METHOD_MAX = 3;

const FLAG = {
  adlerOfPlain: 0x1,
  adlerOfStored: 0x2,
  extraField: 0x40,
  crcOfPlain: 0x100,
  crcOfStored: 0x200,
  multipart: 0x400,
  filter: 0x800,
  headerCrc: 0x1000,
} as const;

/** lzop files, which WAL-E wrote; read only. Every checksum in them is checked. */
export const LZO_CODEC: Codec = {
  name: "lzo",
  extension: "lzo",
  compress: undefined,
  decompress,
  // lzop can leave the checksums out.
  detectsFlippedBits: false,
  isJavaScript: true,
};

async function* decompress(input: ByteStream): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(input);
  try {
    const flags = await readHeader(reader);
    for (;;) {
      const plainBytes = uint32(await readExactly(reader, 4, "a block's size"));
      if (plainBytes === 0) break;
      yield await readBlock(reader, plainBytes, flags);
    }
    if (!(await reader.isAtEnd())) throw corruptLzo("something follows the data");
  } finally {
    await reader.close();
  }
}

/** Gives the flags. */
async function readHeader(reader: ByteReader): Promise<number> {
  const magic = await readExactly(reader, MAGIC.byteLength, "the header");
  if (Buffer.compare(magic, MAGIC) !== 0) throw corruptLzo("the header is not lzop's");
  const fields: Uint8Array[] = [];
  const field = async (sizeBytes: number) => {
    // A copy: the reader's views of small pieces are kept until the checksum is known.
    const bytes = (await readExactly(reader, sizeBytes, "the header")).slice();
    fields.push(bytes);
    return bytes.reduce((value, byte) => value * 256 + byte, 0);
  };
  const version = await field(2);
  await field(2);
  if (version >= VERSION_WITH_LEVEL) await field(2);
  const method = await field(1);
  if (version >= VERSION_WITH_LEVEL) await field(1);
  const flags = await field(4);
  await field(version >= VERSION_WITH_LEVEL ? 12 : 8);
  await field(await field(1));
  const header = Buffer.concat(fields);
  const checksum = uint32(await readExactly(reader, 4, "the header"));
  const isCrc = (flags & FLAG.headerCrc) !== 0;
  if (checksum !== (isCrc ? Bun.hash.crc32(header) : Bun.hash.adler32(header))) {
    throw corruptLzo("the header does not match its checksum");
  }
  if (method === 0 || method > METHOD_MAX) throw corruptLzo("an unknown compression method");
  if ((flags & (FLAG.filter | FLAG.multipart | FLAG.extraField)) !== 0) {
    throw corruptLzo("the file uses an lzop feature that is not supported");
  }
  return flags;
}

async function readBlock(
  reader: ByteReader,
  plainBytes: number,
  flags: number,
): Promise<Uint8Array> {
  if (plainBytes > BLOCK_BYTES_MAX) throw corruptLzo("a block larger than lzop allows");
  const storedBytes = uint32(await readExactly(reader, 4, "a block's size"));
  if (storedBytes > plainBytes) throw corruptLzo("a block larger than what it holds");
  const isCompressed = storedBytes < plainBytes;
  const checksum = async (flag: number) =>
    (flags & flag) === 0 ? undefined : uint32(await readExactly(reader, 4, "a block's checksum"));
  const plainSums = {
    adler: await checksum(FLAG.adlerOfPlain),
    crc: await checksum(FLAG.crcOfPlain),
  };
  const storedSums = isCompressed
    ? { adler: await checksum(FLAG.adlerOfStored), crc: await checksum(FLAG.crcOfStored) }
    : plainSums;
  const stored = await readExactly(reader, storedBytes, "a block");
  verify(stored, storedSums);
  if (!isCompressed) return stored;
  const plain = decodeLzoBlock(stored, plainBytes);
  verify(plain, plainSums);
  return plain;
}

function verify(
  bytes: Uint8Array,
  sums: { readonly adler: number | undefined; readonly crc: number | undefined },
): void {
  const isAdlerRight = sums.adler === undefined || sums.adler === Bun.hash.adler32(bytes);
  const isCrcRight = sums.crc === undefined || sums.crc === Bun.hash.crc32(bytes);
  if (!isAdlerRight || !isCrcRight) throw corruptLzo("a block does not match its checksum");
}

async function readExactly(
  reader: ByteReader,
  sizeBytes: number,
  what: string,
): Promise<Uint8Array> {
  return await reader.readExactly(sizeBytes, () => corruptLzo(`input ends inside ${what}`));
}

function uint32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, false);
}
