import type { Stage } from "../stream/byte-stream.ts";

export type CodecName = "none" | "lz4" | "zstd" | "brotli" | "lzma" | "gzip" | "lzo";

/**
 * Where the frames of an object lie that decode each by itself: frame `i` begins at
 * `storedStarts[i]` and holds the plain bytes from `plainStarts[i]` on. One entry more than there
 * are frames: where the last one ends.
 */
export interface FrameIndex {
  readonly storedStarts: Float64Array;
  readonly plainStarts: Float64Array;
}

/** A frame that was cut, and what it holds. */
export interface FrameBeginning {
  readonly bytes: Uint8Array;
  readonly plainBytes: number;
}

/**
 * Cuts a frame of `plainBytes` behind its first `neededBytes` or somewhat later; what was its
 * checksum proves nothing then. undefined: it cannot be cut.
 */
export type CutFrame = (
  frame: Uint8Array,
  plainBytes: number,
  neededBytes: number,
) => FrameBeginning | undefined;

/**
 * One compression format, byte-compatible with WAL-G's.
 * `decompress` throws `CorruptObjectError` on input that is cut short or followed by anything,
 * at the latest when the input ends: output counts only after the stream has ended.
 */
export interface Codec {
  readonly name: CodecName;
  /** Without the dot; empty for `none`. */
  readonly extension: string;
  /** undefined: WAL-G only reads this format (gzip, lzo), and so do we. */
  readonly compress: Stage | undefined;
  readonly decompress: Stage;
  /** Says where the frames lie that decode each by itself; several in a row decode too. */
  readonly frames?: {
    /** How much of an object's end it takes. */
    readonly tailBytes: number;
    /** undefined: the object does not say, or the tail was too short. */
    readIndex(tail: Uint8Array, storedBytes: number): FrameIndex | undefined;
    /** Cuts frames of which not all is needed. */
    openCutter(): Promise<CutFrame>;
  };
  /** Whether a flipped bit anywhere makes `decompress` throw (a content checksum is written). */
  readonly detectsFlippedBits: boolean;
  /** Its loops are JavaScript, and slow until they are compiled. */
  readonly isJavaScript?: true;
}

export interface CodecOptions {
  /** zstd level as a number (WAL-G's names map to 1, 3, 7, 11); other codecs ignore it. */
  readonly level?: number | undefined;
  /**
   * Chunks in flight at once; bounds memory too. Default 2. With 1, zstd decodes in the calling
   * thread: least processor time for one small object, but nothing else runs meanwhile.
   */
  readonly parallelism?: number | undefined;
  readonly zstdEngine?: "auto" | "builtin" | "addon" | undefined;
}
