import { CorruptObjectError } from "../../base/errors.ts";
import { ByteReader } from "../../stream/byte-reader.ts";
import type { ByteStream } from "../../stream/byte-stream.ts";

/*
 * What catchup-send and catchup-receive say to each other, over one TCP connection. WAL-G's pair
 * speaks Go's `gob`, which nothing else does; this is a protocol of our own.
 *
 *   receiver → sender   "TMCATCH1", then a letter: where the standby stands
 *   sender → receiver   "TMCATCH1", then frames up to `end` or `fail`, then the end of the stream
 *   receiver → sender   a letter: how it ended
 *
 * A letter is its length in bytes (u32, little endian) and that many bytes: JSON through the
 * cipher. The frames go through the cipher as one stream. A frame, little endian:
 *
 *   0  u8   kind
 *   1  u32  length of the content in bytes, at most 2 MiB
 *   5  u64  xxHash3-64 of the content; seed: number of the frame, from 0, times 256, plus kind
 *  13  …    content
 *
 * Frames are thus proven one by one, and none can be missing, repeated or exchanged.
 */
export const CATCHUP_MAGIC = new TextEncoder().encode("TMCATCH1");
export const FRAME_CONTENT_MAX = 2 << 20;
/** Bytes of a tar in one frame, before they are compressed. */
export const PLAIN_BYTES_MAX = 1 << 20;

export const FRAME = {
  /** JSON: what is sent, and how many bytes of it there may be. */
  begin: 1,
  /** Text: the name of the part whose data follows. */
  part: 2,
  /** Text: the next file of this name in the tar is an increment. */
  increment: 3,
  /** One zstd frame: bytes of the part's tar. */
  data: 4,
  partEnd: 5,
  /** Nothing to say: the sender waits for its server. Long enough to push through any cipher. */
  alive: 6,
  /** JSON: how much was sent. */
  end: 7,
  /** Text: why the sender gave up. */
  fail: 8,
} as const;

export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export interface Frame {
  readonly kind: FrameKind;
  readonly content: Uint8Array;
}

const HEADER_BYTES = 13;
const KINDS: ReadonlySet<number> = new Set(Object.values(FRAME));
const WHAT = "what the sender sent";

/** Frames → bytes, numbered in their order. */
export class FrameWriter {
  #number = 0n;

  /** The header, then the content as it is. */
  encode(kind: FrameKind, content: Uint8Array): readonly Uint8Array[] {
    if (content.byteLength > FRAME_CONTENT_MAX) throw new RangeError("a frame is too long");
    const header = new Uint8Array(HEADER_BYTES);
    const view = new DataView(header.buffer);
    view.setUint8(0, kind);
    view.setUint32(1, content.byteLength, true);
    view.setBigUint64(5, hashOf(content, kind, this.#number), true);
    this.#number += 1n;
    return content.byteLength === 0 ? [header] : [header, content];
  }
}

/** Bytes → frames. Ends with the stream, which must end between two frames. */
export async function* readFrames(input: ByteStream): AsyncGenerator<Frame> {
  const reader = new ByteReader(input);
  try {
    for (let number = 0n; ; number += 1n) {
      const header = await reader.read(HEADER_BYTES);
      if (header.byteLength === 0) return;
      if (header.byteLength < HEADER_BYTES) throw broken("ends inside a frame");
      const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
      const kind = view.getUint8(0);
      const sizeBytes = view.getUint32(1, true);
      const hash = view.getBigUint64(5, true);
      if (!isFrameKind(kind) || sizeBytes > FRAME_CONTENT_MAX) throw broken("is no frame");
      const content = await reader.read(sizeBytes);
      if (content.byteLength < sizeBytes) throw broken("ends inside a frame");
      if (hashOf(content, kind, number) !== hash) throw broken("has a wrong checksum");
      yield { kind, content };
    }
  } finally {
    await reader.close();
  }
}

function hashOf(content: Uint8Array, kind: FrameKind, number: bigint): bigint {
  return Bun.hash.xxHash3(content, (number << 8n) | BigInt(kind));
}

function isFrameKind(kind: number): kind is FrameKind {
  return KINDS.has(kind);
}

function broken(detail: string): CorruptObjectError {
  return new CorruptObjectError(WHAT, detail, {
    hint: "The connection changed the bytes, or the other side is not catchup-send.",
  });
}
