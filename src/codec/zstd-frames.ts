/**
 * The structure of zstd data (RFC 8878), without decoding it: decoders of one-shot and streaming
 * kind give a shorter result for input that is cut short, and some raise no error.
 *
 * frame:     28 b5 2f fd | descriptor (1) | window (0–1) | dictionary id (0–4) | content size (0–8)
 *            | blocks | low 32 bits of XXH64 of the content (0 or 4)
 * block:     header (3, little endian: last 1 bit, type 2 bits, size 21 bits) | content
 * skippable: 50–5f 2a 4d 18 | size (4) | content
 */
import { CorruptObjectError } from "../base/errors.ts";
import type { ByteReader } from "../stream/byte-reader.ts";
import { recycle } from "../stream/chunk-pool.ts";

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const WINDOW_BYTES_MAX = 512 * 1024 * 1024;
/** Plain bytes of a block at most, whatever the window. */
export const BLOCK_BYTES_MAX = 128 * 1024;
/** In the frame header's descriptor (byte 4): the content's checksum follows the blocks. */
export const CHECKSUM_FLAG = 0x04;
/** In the same byte: the header gives the content's size in 4 bytes, after the window. */
export const CONTENT_SIZE_IN_4_BYTES = 0x80;

const BLOCK_RAW = 0;
const BLOCK_RLE = 1;
const BLOCK_RESERVED = 3;

export interface ZstdFrameHeader {
  readonly bytes: Uint8Array;
  /** undefined: the frame does not say. */
  readonly contentBytes: number | undefined;
  readonly windowBytes: number;
  readonly hasChecksum: boolean;
}

/** A frame of which all bytes are there. */
export interface WholeFrame {
  readonly header: ZstdFrameHeader;
  readonly bytes: Uint8Array;
  /** An upper limit of what it decodes to. */
  readonly contentBytesMax: number;
}

/** Gives the frames of a zstd stream piece by piece; throws unless each one is complete. */
export class ZstdFrameReader {
  readonly #reader: ByteReader;
  #header: ZstdFrameHeader | undefined;
  #blockBytesMax = 0;
  #contentBytesMax = 0;
  #blockBytes = 0;
  #isLastBlock = false;
  #expects: "header" | "block-header" | "block" | "checksum" | "end" = "end";

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  /**
   * An upper limit of what the pieces of this frame that were given out so far decode to. Known
   * before anything is decoded, so it bounds memory whatever the frame's header promises.
   */
  get contentBytesMax(): number {
    return this.#contentBytesMax;
  }

  /**
   * The next frame if it has been read already, and decodes to at most `contentBytesMax`: a view
   * instead of a copy of its pieces. undefined: it has to be opened and read in pieces.
   */
  bufferedFrame(contentBytesMax: number): WholeFrame | undefined {
    const bytes = this.#reader.buffered();
    if (bytes.byteLength < 5 || littleEndian(bytes, 0, 4) !== FRAME_MAGIC) return undefined;
    const headerBytes = frameHeaderBytes(bytes[4] ?? 0);
    if (bytes.byteLength < headerBytes) return undefined;
    const header = parseFrameHeader(bytes.subarray(0, headerBytes));
    const blockBytesMax = Math.min(header.windowBytes, BLOCK_BYTES_MAX);
    let end = headerBytes;
    let frameBytesMax = 0;
    for (let isLast = false; !isLast; ) {
      if (bytes.byteLength < end + 3) return undefined;
      const block = parseBlockHeader(littleEndian(bytes, end, 3), blockBytesMax);
      isLast = block.isLast;
      end += 3 + block.storedBytes;
      frameBytesMax += block.contentBytesMax;
      if (frameBytesMax > contentBytesMax) return undefined;
    }
    if (header.hasChecksum) end += 4;
    if (bytes.byteLength < end) return undefined;
    return { header, bytes: this.#reader.take(end), contentBytesMax: frameBytesMax };
  }

  /** The next frame's header, past skippable frames; undefined at the end of the input. */
  async openFrame(): Promise<ZstdFrameHeader | undefined> {
    for (;;) {
      const magicBytes = await this.#reader.read(4);
      if (magicBytes.byteLength === 0) return undefined;
      if (magicBytes.byteLength < 4) throw corrupt("input ends inside a frame's magic number");
      const magic = littleEndian(magicBytes, 0, 4);
      recycle(magicBytes);
      if ((magic & 0xfffffff0) === SKIPPABLE_MAGIC) await this.#skip();
      else if (magic !== FRAME_MAGIC) throw corrupt("no zstd frame where one must begin");
      else break;
    }
    this.#header = await this.#readHeader();
    this.#blockBytesMax = Math.min(this.#header.windowBytes, BLOCK_BYTES_MAX);
    this.#contentBytesMax = 0;
    this.#expects = "header";
    return this.#header;
  }

  /** The frame's next piece: header, block header, block or checksum; undefined after the last. */
  async nextPiece(): Promise<Uint8Array | undefined> {
    switch (this.#expects) {
      case "header":
        this.#expects = "block-header";
        return this.#header?.bytes;
      case "block-header":
        return this.#readBlockHeader();
      case "block":
        return this.#readBlock();
      case "checksum":
        this.#expects = "end";
        return this.#readExactly(4, "its checksum");
      case "end":
        return undefined;
    }
  }

  async #readBlockHeader(): Promise<Uint8Array> {
    const bytes = await this.#readExactly(3, "a block header");
    const block = parseBlockHeader(littleEndian(bytes, 0, 3), this.#blockBytesMax);
    this.#contentBytesMax += block.contentBytesMax;
    this.#isLastBlock = block.isLast;
    this.#blockBytes = block.storedBytes;
    this.#expects = "block";
    return bytes;
  }

  async #readBlock(): Promise<Uint8Array> {
    const content = await this.#readExactly(this.#blockBytes, "a block");
    if (!this.#isLastBlock) this.#expects = "block-header";
    else this.#expects = this.#header?.hasChecksum === true ? "checksum" : "end";
    return content;
  }

  async #readHeader(): Promise<ZstdFrameHeader> {
    const first = await this.#readExactly(1, "its header");
    const descriptor = first[0] ?? 0;
    recycle(first);
    const rest = await this.#readExactly(headerRestBytes(descriptor), "its header");
    const bytes = new Uint8Array(5 + rest.byteLength);
    new DataView(bytes.buffer).setUint32(0, FRAME_MAGIC, true);
    bytes[4] = descriptor;
    bytes.set(rest, 5);
    recycle(rest);
    return parseFrameHeader(bytes);
  }

  async #skip(): Promise<void> {
    let left = littleEndian(await this.#readExactly(4, "a skippable frame's size"), 0, 4);
    while (left > 0) {
      const skipped = await this.#reader.readSome(left);
      if (skipped.byteLength === 0) throw corrupt("input ends inside a skippable frame");
      left -= skipped.byteLength;
    }
  }

  async #readExactly(sizeBytes: number, what: string): Promise<Uint8Array> {
    const endedEarly = () => corrupt(`unfinished frame: input ends inside ${what}`);
    return await this.#reader.readExactly(sizeBytes, endedEarly);
  }
}

export function parseBlockHeader(header: number, blockBytesMax: number) {
  const type = (header >>> 1) & 3;
  const sizeBytes = header >>> 3;
  if (type === BLOCK_RESERVED) throw corrupt("a block of a reserved type");
  if (sizeBytes > blockBytesMax) throw corrupt("a block larger than the format allows");
  const isPlain = type === BLOCK_RAW || type === BLOCK_RLE;
  return {
    isLast: (header & 1) === 1,
    storedBytes: type === BLOCK_RLE ? 1 : sizeBytes,
    contentBytesMax: isPlain ? sizeBytes : blockBytesMax,
  };
}

/** Of a frame with this descriptor, the magic number included. */
export function frameHeaderBytes(descriptor: number): number {
  return 5 + headerRestBytes(descriptor);
}

/** Bytes of the header after the descriptor. */
function headerRestBytes(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  return (isSingleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes(descriptor);
}

function contentSizeBytes(descriptor: number): number {
  const code = descriptor >>> 6;
  if (code === 0) return (descriptor & 0x20) !== 0 ? 1 : 0;
  return 1 << code;
}

/** Reads a complete frame header, magic number included. */
export function parseFrameHeader(bytes: Uint8Array): ZstdFrameHeader {
  const descriptor = bytes[4] ?? 0;
  if ((descriptor & 0x08) !== 0) throw corrupt("a reserved bit is set in a frame's header");
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const dictionaryOffset = isSingleSegment ? 5 : 6;
  if (littleEndian(bytes, dictionaryOffset, dictionaryBytes) !== 0) {
    throw corrupt("a frame needs a dictionary");
  }
  const sizeBytes = contentSizeBytes(descriptor);
  const stored = littleEndian(bytes, dictionaryOffset + dictionaryBytes, sizeBytes);
  if (stored > Number.MAX_SAFE_INTEGER) throw corrupt("a frame of an impossible size");
  const contentBytes = sizeBytes === 0 ? undefined : stored + (sizeBytes === 2 ? 256 : 0);
  const windowBytes = isSingleSegment ? (contentBytes ?? 0) : windowSize(bytes[5] ?? 0);
  if (windowBytes > WINDOW_BYTES_MAX) throw corrupt("a frame needs a window above 512 MiB");
  return { bytes, contentBytes, windowBytes, hasChecksum: (descriptor & CHECKSUM_FLAG) !== 0 };
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** An unsigned number; exact up to 2^53, and larger than that beyond. */
function littleEndian(bytes: Uint8Array, offset: number, sizeBytes: number): number {
  let value = 0;
  for (let index = sizeBytes - 1; index >= 0; index--) {
    value = value * 256 + (bytes[offset + index] ?? 0);
  }
  return value;
}

export function corrupt(detail: string, cause?: unknown): CorruptObjectError {
  return new CorruptObjectError("zstd data", detail, cause === undefined ? {} : { cause });
}
