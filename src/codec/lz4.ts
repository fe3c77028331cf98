/**
 * The LZ4 frame format, version 1:
 *
 * magic 04 22 4d 18 | FLG (1) | BD (1) | content size (0 or 8) | dictionary id (0 or 4) | HC (1)
 * blocks: size (4, little endian; bit 31: stored as it is) | content | XXH32 (0 or 4)
 * end mark 00 00 00 00 | XXH32 of the content (0 or 4)
 *
 * FLG: bits 7–6 version 01, 5 blocks independent, 4 block checksums, 3 content size,
 *      2 content checksum, 1 reserved, 0 dictionary id. BD: bits 6–4 block size 4–7 = 64 KiB,
 *      256 KiB, 1 MiB, 4 MiB. HC: second byte of XXH32 of the header from FLG on.
 */
import { ByteReader } from "../stream/byte-reader.ts";
import type { ByteStream } from "../stream/byte-stream.ts";
import { ChunkPool, freedWhenRecycled, recycle } from "../stream/chunk-pool.ts";
import { rechunk } from "../stream/rechunk.ts";
import { Pace } from "../stream/turn.ts";
import type { Codec } from "./codec.ts";
import { corruptLz4, decodeLz4Block, Lz4BlockEncoder, lz4BlockBytesMax } from "./lz4-block.ts";
import { XxHash32 } from "./xxhash32.ts";

const FRAME_MAGIC = 0x184d2204;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** WAL-G's: independent blocks of 4 MiB, content checksum, no content size. */
const WRITTEN_HEADER = Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x64, 0x70, 0xb9);
const WRITTEN_BLOCK_BYTES = 4 << 20;
const STORED_FLAG = 0x80000000;
const WINDOW_BYTES = 65536;

/** lz4 in frames, the bytes of WAL-G's writer. */
export const LZ4_CODEC: Codec = {
  name: "lz4",
  extension: "lz4",
  compress,
  decompress,
  detectsFlippedBits: true,
  isJavaScript: true,
};

async function* compress(input: ByteStream): AsyncGenerator<Uint8Array> {
  const checksum = new XxHash32();
  const encoder = new Lz4BlockEncoder();
  const pool = new ChunkPool(WRITTEN_BLOCK_BYTES);
  const pace = new Pace(WRITTEN_BLOCK_BYTES);
  let scratch: Uint8Array | undefined;
  for await (const plain of rechunk(WRITTEN_BLOCK_BYTES, () => pool.take())(input)) {
    if (scratch === undefined) {
      yield WRITTEN_HEADER.slice();
      scratch = new Uint8Array(lz4BlockBytesMax(WRITTEN_BLOCK_BYTES));
    }
    checksum.update(plain);
    const blockBytes = encoder.encode(plain, scratch);
    const isStored = blockBytes >= plain.byteLength;
    const content = isStored ? plain : scratch.subarray(0, blockBytes);
    const block = freedWhenRecycled(Buffer.allocUnsafeSlow(4 + content.byteLength));
    block.writeUInt32LE(isStored ? content.byteLength + STORED_FLAG : content.byteLength, 0);
    block.set(content, 4);
    const plainBytes = plain.byteLength;
    recycle(plain);
    yield block;
    await pace.passed(plainBytes);
  }
  if (scratch === undefined) yield WRITTEN_HEADER.slice();
  const end = Buffer.alloc(8);
  end.writeUInt32LE(checksum.digest(), 4);
  yield end;
}

async function* decompress(input: ByteStream): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(input);
  try {
    let isFirst = true;
    while (isFirst || !(await reader.isAtEnd())) {
      isFirst = false;
      const magic = uint32(await readExactly(reader, 4, "a frame's magic number"));
      if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) await skipFrame(reader);
      else if (magic === FRAME_MAGIC) yield* decodeFrame(reader);
      else throw corruptLz4("no lz4 frame where one must begin");
    }
  } finally {
    await reader.close();
  }
}

interface FrameHeader {
  readonly hasIndependentBlocks: boolean;
  readonly hasBlockChecksums: boolean;
  readonly hasContentChecksum: boolean;
  readonly contentBytes: bigint | undefined;
  readonly blockBytesMax: number;
}

async function* decodeFrame(reader: ByteReader): AsyncGenerator<Uint8Array> {
  const header = await readHeader(reader);
  const checksum = new XxHash32();
  let contentBytes = 0;
  let previous: Uint8Array = new Uint8Array(0);
  const pool = new ChunkPool(header.blockBytesMax);
  const pace = new Pace(WRITTEN_BLOCK_BYTES);
  for (;;) {
    const sizeField = uint32(await readExactly(reader, 4, "a block's size"));
    if (sizeField === 0) break;
    const block = await readBlock(reader, sizeField, header);
    const isStored = sizeField >= STORED_FLAG;
    const history = header.hasIndependentBlocks ? previous.subarray(0, 0) : window(previous);
    let plain = block;
    if (!isStored) {
      plain = header.hasIndependentBlocks
        ? decodeIndependent(block, pool)
        : decodeBlock(block, history, header.blockBytesMax);
      recycle(block);
    }
    if (header.hasContentChecksum) checksum.update(plain);
    const plainBytes = plain.byteLength;
    contentBytes += plainBytes;
    if (!header.hasIndependentBlocks) previous = joined(history, plain);
    if (plainBytes > 0) yield plain;
    await pace.passed(plainBytes);
  }
  if (header.hasContentChecksum) {
    const stored = uint32(await readExactly(reader, 4, "the content's checksum"));
    if (stored !== checksum.digest()) throw corruptLz4("the content does not match its checksum");
  }
  if (header.contentBytes !== undefined && header.contentBytes !== BigInt(contentBytes)) {
    throw corruptLz4(`a frame holds ${contentBytes} bytes, not ${header.contentBytes}`);
  }
}

async function readHeader(reader: ByteReader): Promise<FrameHeader> {
  const [flags = 0, sizes = 0] = await readExactly(reader, 2, "a frame's header");
  if (flags >>> 6 !== 1) throw corruptLz4("a frame of an unknown version");
  const hasContentSize = (flags & 0x08) !== 0;
  const hasDictionary = (flags & 0x01) !== 0;
  const optionalBytes = (hasContentSize ? 8 : 0) + (hasDictionary ? 4 : 0);
  const rest = await readExactly(reader, optionalBytes + 1, "a frame's header");
  const hashed = Uint8Array.of(flags, sizes, ...rest.subarray(0, optionalBytes));
  if (((Bun.hash.xxHash32(hashed) >>> 8) & 0xff) !== rest[optionalBytes]) {
    throw corruptLz4("a frame's header does not match its checksum");
  }
  const blockSizeCode = (sizes >>> 4) & 7;
  const hasReservedBits = (flags & 0x02) !== 0 || (sizes & 0x8f) !== 0;
  if (hasReservedBits || blockSizeCode < 4) throw corruptLz4("a frame's header is not valid");
  if (hasDictionary) throw corruptLz4("a frame needs a dictionary");
  const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
  return {
    hasIndependentBlocks: (flags & 0x20) !== 0,
    hasBlockChecksums: (flags & 0x10) !== 0,
    hasContentChecksum: (flags & 0x04) !== 0,
    contentBytes: hasContentSize ? view.getBigUint64(0, true) : undefined,
    blockBytesMax: 1 << (8 + 2 * blockSizeCode),
  };
}

async function readBlock(
  reader: ByteReader,
  sizeField: number,
  header: FrameHeader,
): Promise<Uint8Array> {
  const sizeBytes = sizeField % STORED_FLAG;
  if (sizeBytes > header.blockBytesMax) throw corruptLz4("a block larger than the frame allows");
  const block = await readExactly(reader, sizeBytes, "a block");
  if (header.hasBlockChecksums) {
    const stored = uint32(await readExactly(reader, 4, "a block's checksum"));
    if (stored !== Bun.hash.xxHash32(block)) {
      throw corruptLz4("a block does not match its checksum");
    }
  }
  return block;
}

/** The content of a block that no other one refers to, in memory that may be used again. */
function decodeIndependent(block: Uint8Array, pool: ChunkPool): Uint8Array {
  const target = pool.take();
  return pool.filled(target, decodeLz4Block(block, target, 0));
}

/** The block's content, in memory of its own. */
function decodeBlock(block: Uint8Array, history: Uint8Array, blockBytesMax: number): Uint8Array {
  const target = Buffer.allocUnsafeSlow(history.byteLength + blockBytesMax);
  target.set(history);
  const plainBytes = decodeLz4Block(block, target, history.byteLength);
  return target.subarray(history.byteLength, history.byteLength + plainBytes);
}

/** What matches of the next linked block may reach. */
function window(previous: Uint8Array): Uint8Array {
  return previous.subarray(Math.max(0, previous.byteLength - WINDOW_BYTES));
}

/** In memory of its own: the consumer may have given that of `plain` back. */
function joined(history: Uint8Array, plain: Uint8Array): Uint8Array {
  return plain.byteLength >= WINDOW_BYTES
    ? plain.slice(-WINDOW_BYTES)
    : Buffer.concat([history, plain]);
}

async function skipFrame(reader: ByteReader): Promise<void> {
  let left = uint32(await readExactly(reader, 4, "a skippable frame's size"));
  while (left > 0) {
    const skipped = await reader.readSome(left);
    if (skipped.byteLength === 0) throw corruptLz4("input ends inside a skippable frame");
    left -= skipped.byteLength;
  }
}

async function readExactly(
  reader: ByteReader,
  sizeBytes: number,
  what: string,
): Promise<Uint8Array> {
  return await reader.readExactly(sizeBytes, () => corruptLz4(`input ends inside ${what}`));
}

function uint32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}
