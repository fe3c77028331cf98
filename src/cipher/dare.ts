/**
 * DARE 2.0, the format of MinIO's sio, in which WAL-G keeps data under a key of 32 bytes: packages
 * of at most 65536 plain bytes.
 *
 * | Bytes | What                                                                             |
 * |-------|----------------------------------------------------------------------------------|
 * | 0     | 0x20                                                                             |
 * | 1     | 0: AES-256-GCM, 1: ChaCha20-Poly1305                                             |
 * | 2–3   | plain bytes − 1, little endian                                                   |
 * | 4–15  | random, the same in all packages but for the highest bit of byte 4: 1 in the last |
 * | 16–   | encrypted bytes, and a tag of 16 bytes                                           |
 *
 * The nonce is bytes 4–15 with the number of the package, little endian, added to the last four
 * by exclusive or. Bytes 0–3 are authenticated with it. Packages before the last one are full.
 *
 * The format has no word for nothing: sio writes no package then, and refuses to read that. Here
 * nothing is one last package without bytes whose length field is 0xffff, so that an object which
 * lost all its packages is not taken for an empty one.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { assert } from "../base/assert.ts";
import type { ByteReader } from "../stream/byte-reader.ts";
import { type ByteStream, concatBytes } from "../stream/byte-stream.ts";
import { alternatingMemory, rechunk } from "../stream/rechunk.ts";
import { corruptDare } from "./errors.ts";

export const DARE_AES = 0;
export const DARE_CHACHA = 1;

const VERSION = 0x20;
const VERSION_1 = 0x10;
const HEADER_BYTES = 16;
const TAG_BYTES = 16;
const PAYLOAD_BYTES_MAX = 65_536;
const IS_LAST = 0x80;
const NOTHING = new Uint8Array(0);
const LENGTH_OF_NOTHING = 0xffff;
const PACKAGES_MAX = 2 ** 32;

/** Opens one package of ChaCha20-Poly1305; undefined when it does not authenticate. */
export type ChachaOpener = (
  sealed: Uint8Array,
  options: { readonly key: Uint8Array; readonly nonce: Uint8Array; readonly data: Uint8Array },
) => Uint8Array | undefined;

/** AES-256-GCM packages of the input; the bytes of `head` come before the first one. */
export async function* sealDare(
  input: ByteStream,
  { key, head }: { readonly key: Uint8Array; readonly head: Uint8Array },
): AsyncGenerator<Uint8Array> {
  const random = crypto.getRandomValues(new Uint8Array(HEADER_BYTES - 4));
  random[0] = (random[0] ?? 0) & ~IS_LAST;
  let count = 0;
  const seal = (payload: Uint8Array, isLast: boolean) => {
    const sealed = sealPackage(payload, { key, random, number: count, isLast });
    count += 1;
    return count === 1 ? concatBytes([head, sealed]) : sealed;
  };
  let held: Uint8Array | undefined;
  // One package is held back, as the last one is marked.
  for await (const payload of rechunk(PAYLOAD_BYTES_MAX, alternatingMemory())(input)) {
    if (held !== undefined) yield seal(held, false);
    held = payload;
  }
  yield seal(held ?? NOTHING, true);
}

function sealPackage(
  payload: Uint8Array,
  options: {
    readonly key: Uint8Array;
    readonly random: Uint8Array;
    readonly number: number;
    readonly isLast: boolean;
  },
): Uint8Array {
  const { key, random, number, isLast } = options;
  const sizeBytes = payload.byteLength;
  const sealed = Buffer.allocUnsafeSlow(HEADER_BYTES + sizeBytes + TAG_BYTES);
  sealed[0] = VERSION;
  sealed[1] = DARE_AES;
  sealed.writeUInt16LE(sizeBytes === 0 ? LENGTH_OF_NOTHING : sizeBytes - 1, 2);
  sealed.set(random, 4);
  if (isLast) sealed[4] = (sealed[4] ?? 0) | IS_LAST;
  const engine = createCipheriv("aes-256-gcm", key, packageNonce(sealed, number));
  engine.setAAD(sealed.subarray(0, 4));
  sealed.set(engine.update(payload), HEADER_BYTES);
  engine.final();
  sealed.set(engine.getAuthTag(), HEADER_BYTES + sizeBytes);
  return sealed;
}

function packageNonce(header: Uint8Array, number: number): Uint8Array {
  assert(number < PACKAGES_MAX, "more packages than have numbers");
  const nonce = Buffer.from(header.subarray(4, HEADER_BYTES));
  nonce.writeUInt32LE((nonce.readUInt32LE(8) ^ number) >>> 0, 8);
  return nonce;
}

/**
 * The plain bytes. Throws `CorruptObjectError` for every stream that is not whole. `chacha` is
 * asked for when a stream needs it; without it only AES is read.
 */
export async function* openDare(
  reader: ByteReader,
  options: {
    readonly key: Uint8Array;
    readonly chacha: (() => Promise<ChachaOpener>) | undefined;
  },
): AsyncGenerator<Uint8Array> {
  const { key, chacha } = options;
  let first: Uint8Array | undefined;
  let openChacha: ChachaOpener | undefined;
  for (let number = 0, isLast = false; !isLast; number += 1) {
    const header = Uint8Array.from(await reader.read(HEADER_BYTES));
    checkHeader(header, first);
    const suite = header[1];
    if (suite === DARE_CHACHA) openChacha ??= await chacha?.();
    if (suite !== DARE_AES && openChacha === undefined) throw corruptDare("an unknown cipher");
    isLast = ((header[4] ?? 0) & IS_LAST) !== 0;
    const sizeBytes = payloadBytes(header, { isLast });
    const sealed = await reader.read(sizeBytes + TAG_BYTES);
    const isEnd = await reader.isAtEnd();
    const isNothing = number === 0 && isLast && isEnd && sealed.byteLength === TAG_BYTES;
    if (sealed.byteLength < sizeBytes + TAG_BYTES && !isNothing) {
      throw corruptDare("cut short inside a package");
    }
    if (isLast && !isEnd) throw corruptDare("something follows its end");
    first ??= header;
    const nonce = packageNonce(header, number);
    const data = header.subarray(0, 4);
    const plain =
      openChacha === undefined
        ? openAes(sealed, { key, nonce, data })
        : openChacha(sealed, { key, nonce, data });
    if (plain === undefined) throw corruptDare(`package ${number} is damaged`);
    if (plain.byteLength > 0) yield plain;
  }
}

/** Whether it can be the header of a package of this stream. */
function checkHeader(header: Uint8Array, first: Uint8Array | undefined): void {
  if (header.byteLength < HEADER_BYTES) throw corruptDare("cut short before its last package");
  if (header[0] === VERSION_1) throw corruptDare("DARE 1.0, which does not mark its end");
  if (header[0] !== VERSION) throw corruptDare("no DARE 2.0 package where one should be");
  if (first === undefined) return;
  if (header[1] !== first[1]) throw corruptDare("a package of another cipher");
  const own = Uint8Array.from(header.subarray(4));
  own[0] = (own[0] ?? 0) & ~IS_LAST;
  if (Buffer.compare(own, first.subarray(4)) !== 0)
    throw corruptDare("a package of another stream");
}

function payloadBytes(header: Uint8Array, { isLast }: { readonly isLast: boolean }): number {
  const sizeBytes = 1 + ((header[2] ?? 0) | ((header[3] ?? 0) << 8));
  if (!isLast && sizeBytes !== PAYLOAD_BYTES_MAX)
    throw corruptDare("a short package before the last");
  return sizeBytes;
}

function openAes(
  sealed: Uint8Array,
  options: { readonly key: Uint8Array; readonly nonce: Uint8Array; readonly data: Uint8Array },
): Uint8Array | undefined {
  const { key, nonce, data } = options;
  const sizeBytes = sealed.byteLength - TAG_BYTES;
  const engine = createDecipheriv("aes-256-gcm", key, nonce);
  engine.setAAD(data);
  engine.setAuthTag(sealed.subarray(sizeBytes));
  const plain = engine.update(sealed.subarray(0, sizeBytes));
  try {
    engine.final();
  } catch {
    return undefined;
  }
  return plain;
}
