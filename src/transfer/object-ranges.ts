import { CorruptObjectError } from "../base/errors.ts";
import type { Codec, CodecName, FrameIndex } from "../codec/codec.ts";
import type { StorageDriver } from "../storage/driver.ts";
import { toObjectKey } from "../storage/object-key.ts";
import { breathing } from "../stream/breathing.ts";
import { ByteReader } from "../stream/byte-reader.ts";
import { type ByteStream, collect, compose } from "../stream/byte-stream.ts";
import { ChunkPieces, recycle } from "../stream/chunk-pool.ts";
import type { Repository } from "./repository.ts";

/** A gap that is read along, since another request would take longer. */
const GAP_BYTES_MAX = 128 << 10;
/** Frames above this are decoded as they are, and not gathered. */
const CUT_BYTES_MAX = 1 << 20;
/** Above this part of an object, it is one request from the first needed byte to the last. */
const REQUESTS_SHARE_MAX = 0.6;

export interface RangesRequest {
  /** Full key, extension included. */
  readonly key: string;
  readonly codec: CodecName;
  readonly storedBytes: number;
  readonly plainBytes: number;
  readonly signal: AbortSignal;
}

/** Bytes `[start, end)`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Plain bytes and where they lie in the object. */
export interface PlacedBytes {
  readonly position: number;
  readonly bytes: Uint8Array;
}

/**
 * Pieces of a stored object, read without the rest. Nothing proves the object as a whole then:
 * the caller must know what each piece has to be.
 */
export interface ObjectRanges {
  /** Stored bytes that reading these spans takes. */
  storedBytesOf(spans: readonly Span[]): number;
  /** Everything in the spans (plain positions, ascending, apart), and some bytes around them. */
  read(spans: readonly Span[], signal: AbortSignal): AsyncGenerator<PlacedBytes>;
}

/** undefined: the object can only be read from its start. */
export async function openObjectRanges(
  repository: Pick<Repository, "driver" | "cipher" | "codecFor">,
  request: RangesRequest,
): Promise<ObjectRanges | undefined> {
  // A cipher's stream depends on what came before.
  if (repository.cipher.name !== "none") return undefined;
  const { key, plainBytes, storedBytes } = request;
  if (request.codec === "none") {
    return plainBytes === storedBytes ? new PlainRanges(repository.driver, key) : undefined;
  }
  const codec = await repository.codecFor(request.codec);
  if (codec.frames === undefined) return undefined;
  const length = Math.min(storedBytes, codec.frames.tailBytes);
  const range = { offset: storedBytes - length, length };
  const { signal } = request;
  const stream = await repository.driver.get(toObjectKey(key), { range, signal });
  const index = codec.frames.readIndex(await collect(stream, length), storedBytes);
  if (index === undefined || index.plainStarts.at(-1) !== plainBytes) return undefined;
  return new FrameRanges(repository.driver, { key, codec, index });
}

class PlainRanges implements ObjectRanges {
  readonly #driver: Pick<StorageDriver, "get">;
  readonly #key: string;

  constructor(driver: Pick<StorageDriver, "get">, key: string) {
    this.#driver = driver;
    this.#key = key;
  }

  storedBytesOf(spans: readonly Span[]): number {
    return sumOf(spans);
  }

  async *read(spans: readonly Span[], signal: AbortSignal): AsyncGenerator<PlacedBytes> {
    for (const run of joined(spans, GAP_BYTES_MAX)) {
      let position = run.start;
      for await (const bytes of await storedSpan(this.#driver, this.#key, run, signal)) {
        // Once it is recycled, a chunk may have no bytes any more.
        const { byteLength } = bytes;
        yield { position, bytes };
        position += byteLength;
      }
      if (position !== run.end) throw new CorruptObjectError(this.#key, "is shorter than it was");
    }
  }
}

/** A frame, and how many of its first plain bytes are needed. */
interface NeededFrame {
  readonly frame: number;
  neededBytes: number;
}

class FrameRanges implements ObjectRanges {
  readonly #driver: Pick<StorageDriver, "get">;
  readonly #key: string;
  readonly #codec: Codec;
  readonly #index: FrameIndex;

  constructor(
    driver: Pick<StorageDriver, "get">,
    facts: { readonly key: string; readonly codec: Codec; readonly index: FrameIndex },
  ) {
    this.#driver = driver;
    this.#key = facts.key;
    this.#codec = facts.codec;
    this.#index = facts.index;
  }

  storedBytesOf(spans: readonly Span[]): number {
    return sumOf(this.#framesOf(spans).map(({ frame }) => this.#storedSpanOf(frame)));
  }

  /** The needed frames one behind the other are an object of their own, which is decoded. */
  async *read(spans: readonly Span[], signal: AbortSignal): AsyncGenerator<PlacedBytes> {
    const frames = this.#framesOf(spans);
    const { plainStarts } = this.#index;
    const plainSizes: number[] = [];
    let next = 0;
    let position = 0;
    let end = 0;
    const stored = this.#cut(frames, this.#stored(frames, signal), plainSizes);
    const plain = compose(stored, this.#codec.decompress, breathing);
    for await (const chunk of plain) {
      const { byteLength } = chunk;
      const pieces = new ChunkPieces(chunk);
      for (let offset = 0; offset < byteLength; ) {
        if (position === end) {
          const sizeBytes = plainSizes[next];
          const needed = frames[next++];
          if (needed === undefined || sizeBytes === undefined) {
            throw new CorruptObjectError(this.#key, "a frame is too long");
          }
          position = plainStarts[needed.frame] ?? 0;
          end = position + sizeBytes;
          continue;
        }
        const size = Math.min(byteLength - offset, end - position);
        yield { position, bytes: pieces.piece(offset, offset + size) };
        offset += size;
        position += size;
      }
    }
    if (position !== end || next !== frames.length) {
      throw new CorruptObjectError(this.#key, "holds less than its table of frames says");
    }
  }

  /** The frames without what lies behind their needed bytes, and what each decodes to. */
  async *#cut(
    frames: readonly NeededFrame[],
    stored: ByteStream,
    plainSizes: number[],
  ): AsyncGenerator<Uint8Array> {
    const { plainStarts } = this.#index;
    const cut = await this.#codec.frames?.openCutter();
    const reader = new ByteReader(stored);
    try {
      for (const { frame, neededBytes } of frames) {
        const { start, end } = this.#storedSpanOf(frame);
        const plainBytes = (plainStarts[frame + 1] ?? 0) - (plainStarts[frame] ?? 0);
        if (end - start > CUT_BYTES_MAX) {
          plainSizes.push(plainBytes);
          yield* piecesOf(reader, end - start);
          continue;
        }
        const whole = await reader.read(end - start);
        const beginning = cut?.(whole, plainBytes, neededBytes);
        plainSizes.push(beginning?.plainBytes ?? plainBytes);
        if (beginning !== undefined) recycle(whole);
        yield beginning?.bytes ?? whole;
      }
      // What is stored proves itself complete as it ends.
      await reader.isAtEnd();
    } finally {
      await reader.close();
    }
  }

  async *#stored(frames: readonly NeededFrame[], signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const spans = frames.map(({ frame }) => this.#storedSpanOf(frame));
    let index = 0;
    const isMost = sumOf(spans) > (this.#index.storedStarts.at(-1) ?? 0) * REQUESTS_SHARE_MAX;
    for (const run of joined(spans, isMost ? Number.POSITIVE_INFINITY : GAP_BYTES_MAX)) {
      let at = run.start;
      for await (const chunk of await storedSpan(this.#driver, this.#key, run, signal)) {
        // What lies in a gap is left out.
        const chunkEnd = at + chunk.byteLength;
        const pieces = new ChunkPieces(chunk);
        let done = at;
        for (; ; index += 1) {
          const span = spans[index];
          if (span === undefined || span.start >= chunkEnd) break;
          const from = Math.max(span.start, at);
          const to = Math.min(span.end, chunkEnd);
          if (to > from) {
            pieces.leftOut(from - done);
            yield pieces.piece(from - at, to - at);
            done = to;
          }
          if (span.end > chunkEnd) break;
        }
        pieces.leftOut(chunkEnd - done);
        at = chunkEnd;
      }
      if (at !== run.end) throw new CorruptObjectError(this.#key, "is shorter than it was");
    }
  }

  #storedSpanOf(frame: number): Span {
    const { storedStarts } = this.#index;
    return { start: storedStarts[frame] ?? 0, end: storedStarts[frame + 1] ?? 0 };
  }

  /** The frames that hold something of the spans, ascending. */
  #framesOf(spans: readonly Span[]): readonly NeededFrame[] {
    const { plainStarts } = this.#index;
    const frames: NeededFrame[] = [];
    for (const { start, end } of spans) {
      let frame = frameAt(plainStarts, start);
      for (; frame < plainStarts.length - 1 && (plainStarts[frame] ?? 0) < end; frame++) {
        const frameStart = plainStarts[frame] ?? 0;
        const neededBytes = Math.min(end, plainStarts[frame + 1] ?? 0) - frameStart;
        const last = frames.at(-1);
        if (last?.frame === frame) last.neededBytes = neededBytes;
        else frames.push({ frame, neededBytes });
      }
    }
    return frames;
  }
}

async function* piecesOf(reader: ByteReader, sizeBytes: number): ByteStream {
  for (let left = sizeBytes; left > 0; ) {
    const piece = await reader.readSome(left);
    if (piece.byteLength === 0) return;
    left -= piece.byteLength;
    yield piece;
  }
}

/** The frame that holds the plain byte at `position`. */
function frameAt(plainStarts: Float64Array, position: number): number {
  let low = 0;
  let high = plainStarts.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((plainStarts[middle] ?? 0) <= position) low = middle;
    else high = middle;
  }
  return low;
}

/** Spans that are close enough to be read at once. */
function* joined(spans: readonly Span[], gapBytesMax: number): Generator<Span> {
  let run: Span | undefined;
  for (const span of spans) {
    if (run !== undefined && span.start - run.end <= gapBytesMax) {
      run = { start: run.start, end: Math.max(run.end, span.end) };
      continue;
    }
    if (run !== undefined) yield run;
    run = span;
  }
  if (run !== undefined) yield run;
}

function sumOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { start, end }) => sum + end - start, 0);
}

async function storedSpan(
  driver: Pick<StorageDriver, "get">,
  key: string,
  { start, end }: Span,
  signal: AbortSignal,
): Promise<ByteStream> {
  return await driver.get(toObjectKey(key), {
    range: { offset: start, length: end - start },
    signal,
  });
}
