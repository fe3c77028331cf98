import { assert } from "../base/assert.ts";
import { ByteReader } from "../stream/byte-reader.ts";
import { type ByteStream, concatBytes } from "../stream/byte-stream.ts";
import { ChunkPool, freedWhenRecycled, recycle } from "../stream/chunk-pool.ts";
import { rechunk } from "../stream/rechunk.ts";
import type { Codec, CodecOptions } from "./codec.ts";
import { openZstdEngine, type ZstdEngine } from "./zstd-engine.ts";
import {
  CHECKSUM_FLAG,
  CONTENT_SIZE_IN_4_BYTES,
  corrupt,
  parseFrameHeader,
  type ZstdFrameHeader,
  ZstdFrameReader,
} from "./zstd-frames.ts";
import { readSeekTable, SEEK_TAIL_BYTES, SeekTableWriter } from "./zstd-seek-table.ts";

/**
 * Plain bytes of one frame that we write. Each frame sets up tables of its own: 256 KiB took 5 %
 * more processor time, and stored 1 % more.
 */
const CHUNK_BYTES = 512 << 10;
/** Frames up to this plain size are decoded in one call; larger ones are streamed. */
const WHOLE_FRAME_BYTES_MAX = 8 << 20;
/** Empty blocks decode to nothing, so their number needs a limit of its own. */
const WHOLE_FRAME_PIECES_MAX = 4096;
/** Objects of fewer frames are fetched whole by whoever needs a piece: they carry no table. */
const TABLED_FRAMES_MIN = 64;
const DEFAULT_LEVEL = 3;
const DEFAULT_PARALLELISM = 2;

/**
 * zstd. Written as one frame per 512 KiB, each with content size and content checksum, several of
 * them compressed at once; any zstd reader takes the concatenation for one stream. Behind many
 * frames there is a table of where each lies.
 */
export async function openZstdCodec(options: CodecOptions): Promise<Codec> {
  const engine = await openZstdEngine(options.zstdEngine ?? "auto");
  const level = options.level ?? DEFAULT_LEVEL;
  const parallelism = Math.max(1, options.parallelism ?? DEFAULT_PARALLELISM);
  return {
    name: "zstd",
    extension: "zst",
    compress: (input) => compress(input, engine, { level, parallelism }),
    decompress: (input) => decompress(input, engine, parallelism),
    frames: {
      tailBytes: SEEK_TAIL_BYTES,
      readIndex: readSeekTable,
      openCutter: async () => (await import("./zstd-cut.ts")).cutZstdFrame,
    },
    detectsFlippedBits: true,
  };
}

async function* compress(
  input: ByteStream,
  engine: ZstdEngine,
  options: { readonly level: number; readonly parallelism: number },
): AsyncGenerator<Uint8Array> {
  const pool = new ChunkPool(CHUNK_BYTES);
  const table = new SeekTableWriter();
  const plainSizes: number[] = [];
  const frames = inOrder(chunks(input, pool), options.parallelism, async (chunk) => {
    plainSizes.push(chunk.byteLength);
    const frame = await compressFrame(engine, chunk, options.level);
    recycle(chunk);
    return frame;
  });
  for await (const frame of frames) {
    table.add(frame.byteLength, plainSizes.shift() ?? 0);
    yield frame;
  }
  if (table.frameCount >= TABLED_FRAMES_MIN) yield table.finish();
}

/** Chunks of the stream, at least one: an empty stream is one empty frame, as WAL-G writes it. */
async function* chunks(input: ByteStream, pool: ChunkPool): ByteStream {
  let isEmpty = true;
  for await (const chunk of rechunk(CHUNK_BYTES, () => pool.take())(input)) {
    isEmpty = false;
    yield chunk;
  }
  if (isEmpty) yield new Uint8Array(0);
}

/** The results of `work` in the order of the items, up to `parallelism` at once. */
async function* inOrder<T>(
  items: AsyncIterable<T>,
  parallelism: number,
  work: (item: T) => Promise<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const running: Promise<Uint8Array>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      // Awaited in order below; until then a failure must not count as unhandled.
      result.catch(() => {});
      running.push(result);
      while (running.length >= parallelism) {
        const first = await running.shift();
        if (first !== undefined && first.byteLength > 0) yield first;
      }
    }
    for (let first = running.shift(); first !== undefined; first = running.shift()) {
      const bytes = await first;
      if (bytes.byteLength > 0) yield bytes;
    }
  } finally {
    await Promise.allSettled(running);
  }
}

async function compressFrame(
  engine: ZstdEngine,
  plain: Uint8Array,
  level: number,
): Promise<Uint8Array> {
  return completeFrame(await engine.compress(plain, level), plain);
}

/**
 * The frame with its content's size and checksum: no engine here writes the checksum, and the
 * addon does not write the size either.
 */
function completeFrame(bare: Uint8Array, plain: Uint8Array): Uint8Array {
  const header = parseFrameHeader(bare);
  assert(!header.hasChecksum, "the engine wrote a checksum already");
  const addsSize = header.contentBytes === undefined;
  assert(addsSize || header.contentBytes === plain.byteLength, "the engine wrote another size");
  const frame = freedWhenRecycled(Buffer.allocUnsafeSlow(bare.byteLength + (addsSize ? 8 : 4)));
  if (addsSize) {
    // Magic number, descriptor and window stay in front; the size goes between them and blocks.
    frame.set(bare.subarray(0, 6));
    frame.writeUInt32LE(plain.byteLength, 6);
    frame.set(bare.subarray(6), 10);
  } else {
    frame.set(bare);
  }
  frame[4] = (bare[4] ?? 0) | CHECKSUM_FLAG | (addsSize ? CONTENT_SIZE_IN_4_BYTES : 0);
  const checksum = Number(BigInt.asUintN(32, Bun.hash.xxHash64(plain)));
  frame.writeUInt32LE(checksum, frame.byteLength - 4);
  recycle(freedWhenRecycled(bare));
  return frame;
}

async function* decompress(
  input: ByteStream,
  engine: ZstdEngine,
  parallelism: number,
): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(input);
  const { decompress, decompressHere } = engine;
  const decode = parallelism > 1 ? decompress : (decompressHere ?? decompress);
  try {
    const frameReader = new ZstdFrameReader(reader);
    for (let isMore = true; isMore; ) {
      // Runs of small frames go through the engine; the frame that ends a run is streamed.
      const run = new FrameRun(frameReader);
      yield* inOrder(run.wholeFrames(), parallelism, (frame) => decompressFrame(decode, frame));
      isMore = run.large !== undefined;
      if (run.large !== undefined) {
        const { streamZstdFrame } = await import("./zstd-stream.ts");
        yield* streamZstdFrame(frameReader, run.large.header, run.large.pieces);
      }
    }
  } finally {
    await reader.close();
  }
}

interface GatheredFrame {
  readonly header: ZstdFrameHeader;
  readonly pieces: readonly Uint8Array[];
  /** Nothing larger can come out, whatever the header says. */
  readonly contentBytesMax: number;
}

/** The frames up to the end of the input, or up to the first that is too large to gather. */
class FrameRun {
  readonly #frames: ZstdFrameReader;
  /** The beginning of the frame that ended the run. */
  large: GatheredFrame | undefined;

  constructor(frames: ZstdFrameReader) {
    this.#frames = frames;
  }

  async *wholeFrames(): AsyncGenerator<GatheredFrame> {
    for (;;) {
      const whole = this.#frames.bufferedFrame(WHOLE_FRAME_BYTES_MAX);
      if (whole !== undefined) {
        yield { ...whole, pieces: [whole.bytes] };
        continue;
      }
      const header = await this.#frames.openFrame();
      if (header === undefined) return;
      const pieces: Uint8Array[] = [];
      let piece: Uint8Array | undefined;
      while ((piece = await this.#frames.nextPiece()) !== undefined) {
        pieces.push(piece);
        if (this.#frames.contentBytesMax > WHOLE_FRAME_BYTES_MAX) break;
        if (pieces.length > WHOLE_FRAME_PIECES_MAX) break;
      }
      const frame = { header, pieces, contentBytesMax: this.#frames.contentBytesMax };
      if (piece !== undefined) {
        this.large = frame;
        return;
      }
      yield frame;
    }
  }
}

async function decompressFrame(
  decode: (frame: Uint8Array) => Promise<Uint8Array> | Uint8Array,
  frame: GatheredFrame,
): Promise<Uint8Array> {
  const { contentBytes } = frame.header;
  // The engine makes room for what the header promises, so an impossible promise ends here.
  if (contentBytes !== undefined && contentBytes > frame.contentBytesMax) {
    throw corrupt("a frame holds less than its content size");
  }
  let plain: Uint8Array;
  try {
    const bytes = concatBytes(frame.pieces);
    plain = freedWhenRecycled(await decode(bytes));
    if (frame.pieces.length > 1) recycle(freedWhenRecycled(bytes));
    for (const piece of frame.pieces) recycle(piece);
  } catch (error) {
    throw corrupt("a frame does not decode", error);
  }
  if (contentBytes !== undefined && plain.byteLength !== contentBytes) {
    throw corrupt(`a frame holds ${plain.byteLength} bytes, not ${contentBytes}`);
  }
  return plain;
}
