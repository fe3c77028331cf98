import type { ByteReader } from "../stream/byte-reader.ts";
import { concatBytes, type Stage } from "../stream/byte-stream.ts";
import { freedWhenRecycled, recycle } from "../stream/chunk-pool.ts";
import { rechunk } from "../stream/rechunk.ts";
import { corruptOpenPgp } from "./errors.ts";

/**
 * The framing of OpenPGP (RFC 4880, 4.2): a packet is a tag, a length and a body. A body whose
 * size is not known beforehand comes in parts of powers of two, each with its own length.
 */
export const PACKET_TAG = { publicKeySession: 1, literal: 11, integrityProtected: 18 } as const;

export interface PacketHeader {
  readonly tag: number;
  readonly length: BodyLength;
}

export type BodyLength =
  | { readonly kind: "whole"; readonly sizeBytes: number }
  | { readonly kind: "part"; readonly sizeBytes: number }
  /** Old packets only: up to the end of what encloses the packet. */
  | { readonly kind: "rest" };

const PART_EXPONENT = 16;
const PART_BYTES = 1 << PART_EXPONENT;
/** Body bytes that are given out at once. */
const CHUNK_BYTES_MAX = 1 << 16;

/** undefined at the end of the input. */
export async function readPacketHeader(reader: ByteReader): Promise<PacketHeader | undefined> {
  if (await reader.isAtEnd()) return undefined;
  const first = await readNumber(reader, 1);
  if ((first & 0x80) === 0)
    throw corruptOpenPgp("a packet begins with a byte that none begins with");
  if ((first & 0x40) !== 0) return { tag: first & 0x3f, length: await readLength(reader) };
  const tag = (first >>> 2) & 0x0f;
  const lengthKind = first & 3;
  if (lengthKind === 3) return { tag, length: { kind: "rest" } };
  return { tag, length: { kind: "whole", sizeBytes: await readNumber(reader, 1 << lengthKind) } };
}

/** The body's bytes; throws when the input ends before it does. */
export async function* packetBody(
  reader: ByteReader,
  bodyLength: BodyLength,
): AsyncGenerator<Uint8Array> {
  let length = bodyLength;
  while (length.kind === "part") {
    yield* exactly(reader, length.sizeBytes);
    length = await readLength(reader);
  }
  if (length.kind === "whole") return yield* exactly(reader, length.sizeBytes);
  while (!(await reader.isAtEnd())) yield await reader.readSome(CHUNK_BYTES_MAX);
}

/** The bytes as the body of a packet, in parts of 64 KiB where they are more than that. */
export function asPacket(tag: number): Stage {
  return async function* (body) {
    let begin = [0xc0 | tag];
    let isEnded = false;
    // Each part is copied before the next one is asked for.
    const memory = new Uint8Array(PART_BYTES);
    for await (const part of rechunk(PART_BYTES, () => memory)(body)) {
      isEnded = part.byteLength < PART_BYTES;
      const length = isEnded ? wholeLength(part.byteLength) : [0xe0 | PART_EXPONENT];
      yield freedWhenRecycled(concatBytes([Uint8Array.from([...begin, ...length]), part]));
      recycle(part);
      begin = [];
    }
    if (!isEnded) yield Uint8Array.from([...begin, ...wholeLength(0)]);
  };
}

function wholeLength(sizeBytes: number): readonly number[] {
  if (sizeBytes < 192) return [sizeBytes];
  const above = sizeBytes - 192;
  if (sizeBytes < 8384) return [192 + (above >>> 8), above & 0xff];
  return [
    255,
    sizeBytes >>> 24,
    (sizeBytes >>> 16) & 0xff,
    (sizeBytes >>> 8) & 0xff,
    sizeBytes & 0xff,
  ];
}

async function readLength(reader: ByteReader): Promise<BodyLength> {
  const first = await readNumber(reader, 1);
  if (first < 192) return { kind: "whole", sizeBytes: first };
  if (first < 224) {
    const sizeBytes = ((first - 192) << 8) + (await readNumber(reader, 1)) + 192;
    return { kind: "whole", sizeBytes };
  }
  if (first < 255) return { kind: "part", sizeBytes: 2 ** (first & 0x1f) };
  return { kind: "whole", sizeBytes: await readNumber(reader, 4) };
}

async function readNumber(reader: ByteReader, sizeBytes: number): Promise<number> {
  const endedEarly = () => corruptOpenPgp("cut short inside the head of a packet");
  const bytes = await reader.readExactly(sizeBytes, endedEarly);
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

async function* exactly(reader: ByteReader, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let leftBytes = sizeBytes; leftBytes > 0; ) {
    const chunk = await reader.readSome(Math.min(leftBytes, CHUNK_BYTES_MAX));
    if (chunk.byteLength === 0) throw corruptOpenPgp("cut short inside a packet");
    leftBytes -= chunk.byteLength;
    yield chunk;
  }
}
