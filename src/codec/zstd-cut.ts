import type { FrameBeginning } from "./codec.ts";
import {
  BLOCK_BYTES_MAX,
  CHECKSUM_FLAG,
  CONTENT_SIZE_IN_4_BYTES,
  frameHeaderBytes,
  parseBlockHeader,
  parseFrameHeader,
} from "./zstd-frames.ts";

const CONTENT_SIZE_BYTES = 4;
/** Of the descriptor: how long the content's size is, and whether there is a checksum. */
const CHANGED_FLAGS = 0xc0 | CHECKSUM_FLAG;

/**
 * The blocks of a frame up to that with its last needed byte, as a frame of its own: what comes
 * behind need not be decoded. Without the content's checksum, which is of all of it. undefined:
 * there is nothing to leave out, or some block is not full, so that it cannot be known which
 * bytes are in which.
 */
export function cutZstdFrame(
  frame: Uint8Array,
  plainBytes: number,
  neededBytes: number,
): FrameBeginning | undefined {
  const blockCount = plainBytes / BLOCK_BYTES_MAX;
  const keptCount = Math.ceil(neededBytes / BLOCK_BYTES_MAX);
  const headerBytes = frameHeaderBytes(frame[4] ?? 0);
  const canCut = Number.isInteger(blockCount) && keptCount > 0 && keptCount < blockCount;
  if (!canCut || frame.byteLength < headerBytes) return undefined;
  const header = parseFrameHeader(frame.subarray(0, headerBytes));
  if (header.contentBytes !== plainBytes || header.windowBytes < BLOCK_BYTES_MAX) return undefined;
  const starts = blockStarts(frame, headerBytes, blockCount);
  const last = starts?.[keptCount - 1];
  const end = starts?.[keptCount];
  if (last === undefined || end === undefined) return undefined;
  const keptBytes = keptCount * BLOCK_BYTES_MAX;
  const descriptor = frame[4] ?? 0;
  // Magic number, descriptor and, unless the content is the window, the window's size.
  const frontBytes = (descriptor & 0x20) === 0 ? 6 : 5;
  const shift = frontBytes + CONTENT_SIZE_BYTES - headerBytes;
  const bytes = new Uint8Array(end + shift);
  bytes.set(frame.subarray(0, frontBytes));
  bytes[4] = (descriptor & ~CHANGED_FLAGS) | CONTENT_SIZE_IN_4_BYTES;
  new DataView(bytes.buffer).setUint32(frontBytes, keptBytes, true);
  bytes.set(frame.subarray(headerBytes, end), headerBytes + shift);
  bytes[last + shift] = (bytes[last + shift] ?? 0) | 1;
  return { bytes, plainBytes: keptBytes };
}

/** Where the blocks begin, and where the last one ends; undefined unless there are so many. */
function blockStarts(
  frame: Uint8Array,
  headerBytes: number,
  blockCount: number,
): readonly number[] | undefined {
  const starts = [headerBytes];
  let at = headerBytes;
  for (let isLast = false; !isLast; ) {
    if (at + 3 > frame.byteLength) return undefined;
    const word = (frame[at] ?? 0) | ((frame[at + 1] ?? 0) << 8) | ((frame[at + 2] ?? 0) << 16);
    const block = parseBlockHeader(word, BLOCK_BYTES_MAX);
    at += 3 + block.storedBytes;
    isLast = block.isLast;
    // Writers that learn late that nothing more comes end with an empty block.
    if (starts.length <= blockCount) starts.push(at);
    else if (block.contentBytesMax > 0) return undefined;
  }
  return starts.length === blockCount + 1 && at <= frame.byteLength ? starts : undefined;
}
