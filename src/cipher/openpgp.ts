import { ByteReader } from "../stream/byte-reader.ts";
import { type ByteStream, collect, concatBytes } from "../stream/byte-stream.ts";
import type { Cipher } from "./cipher.ts";
import { corruptOpenPgp, WrongKeyError } from "./errors.ts";
import { type KeyRing, type KeyRingOptions, openKeyRing } from "./openpgp-keys.ts";
import { asPacket, PACKET_TAG, packetBody, readPacketHeader } from "./openpgp-packets.ts";
import { openProtected, protect } from "./openpgp-protected.ts";

/** Binary, without a file name and time. */
const LITERAL_HEAD = Uint8Array.from([0x62, 0, 0, 0, 0, 0]);
/** A packet of a session key has some hundred bytes. */
const SESSION_PACKETS_MAX = 100;
const SESSION_BYTES_MAX = 1 << 14;
const RSA_ALGORITHMS: readonly (number | undefined)[] = [1, 2];

/**
 * WAL-G's OpenPGP: packets of the session key, one for each key, then one packet that is
 * encrypted and protected, with one literal packet inside; not signed, not compressed. The package
 * does keys and session keys; the data passes through ours, which is several times as fast, and
 * refuses whatever a message of this kind does not need.
 */
export async function openOpenPgpCipher(options: KeyRingOptions): Promise<Cipher> {
  const ring = await openKeyRing(options);
  return {
    name: "openpgp",
    keyId: ring.keyId,
    canDecrypt: ring.canDecrypt,
    encrypt: (input) => encryptOpenPgp(input, ring),
    decrypt: (input) => decrypt(input, ring),
  };
}

export async function* encryptOpenPgp(
  input: ByteStream,
  ring: KeyRing,
): AsyncGenerator<Uint8Array> {
  const { key, packets } = await ring.newSession();
  const literal = asPacket(PACKET_TAG.literal)(preceded(LITERAL_HEAD, input));
  let isFirst = true;
  for await (const chunk of asPacket(PACKET_TAG.integrityProtected)(protect(literal, key))) {
    yield isFirst ? concatBytes([packets, chunk]) : chunk;
    isFirst = false;
  }
}

async function* preceded(head: Uint8Array, input: ByteStream): AsyncGenerator<Uint8Array> {
  yield head;
  yield* input;
}

async function* decrypt(input: ByteStream, ring: KeyRing): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(input);
  try {
    yield* decryptOpenPgp(reader, ring);
  } finally {
    await reader.close();
  }
}

/** The message that the reader stands before, which must be all that is left. */
export async function* decryptOpenPgp(
  reader: ByteReader,
  ring: KeyRing,
): AsyncGenerator<Uint8Array> {
  const { packets, length } = await readSessionPackets(reader);
  const key = await ring.openSession(packets);
  if (key === undefined) throw new WrongKeyError("OpenPGP data", ring.keyId);
  const content = new ByteReader(openProtected(packetBody(reader, length), key));
  yield* literalBody(content);
  // Only here are the bytes proven: the content's reader has compared the sum.
  if (!(await content.isAtEnd())) throw corruptOpenPgp("something follows its content");
  if (!(await reader.isAtEnd())) throw corruptOpenPgp("something follows its end");
}

/** The packets before the data as they are, and the length of the data. */
async function readSessionPackets(reader: ByteReader) {
  const packets: Uint8Array[] = [];
  for (;;) {
    const header = await readPacketHeader(reader);
    if (header === undefined) throw corruptOpenPgp("cut short before the data");
    const { tag, length } = header;
    if (tag === PACKET_TAG.integrityProtected && packets.length > 0) {
      return { packets: concatBytes(packets), length };
    }
    const isExpected = tag === PACKET_TAG.publicKeySession && length.kind === "whole";
    if (!isExpected || length.sizeBytes > SESSION_BYTES_MAX) {
      throw corruptOpenPgp(`packet ${tag} where the key of the data should be`);
    }
    if (packets.length === SESSION_PACKETS_MAX) throw corruptOpenPgp("has too many keys");
    const body = await collect(packetBody(reader, length), SESSION_BYTES_MAX);
    checkSession(body);
    packets.push(await collect(asPacket(tag)(once(body)), SESSION_BYTES_MAX + 8));
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/**
 * The package reads a number whose length in bits is wrong, and passes over what follows it.
 * WAL-G has written the exact length and, in earlier times, that of whole bytes.
 */
function checkSession(body: Uint8Array): void {
  if (body[0] !== 3) throw corruptOpenPgp("the key of the data has another version than 3");
  if (!RSA_ALGORITHMS.includes(body[9])) return;
  const [high = 0, low = 0, first = 0] = body.subarray(10, 13);
  const bits = (high << 8) | low;
  const numberBytes = body.byteLength - 12;
  const exactBits = numberBytes * 8 - Math.clz32(first) + 24;
  if (numberBytes < 1 || (bits !== exactBits && bits !== numberBytes * 8)) {
    throw corruptOpenPgp("the key of the data has another length than it says");
  }
}

async function* literalBody(content: ByteReader): AsyncGenerator<Uint8Array> {
  const header = await readPacketHeader(content);
  if (header?.tag !== PACKET_TAG.literal) {
    const what = header === undefined ? "nothing" : `packet ${header.tag}`;
    throw corruptOpenPgp(`has ${what} inside where plain data should be`);
  }
  const body = new ByteReader(packetBody(content, header.length));
  const [, nameBytes] = await body.read(2);
  const timeAndName = 4 + (nameBytes ?? 0);
  if (nameBytes === undefined || (await body.read(timeAndName)).byteLength < timeAndName) {
    throw corruptOpenPgp("cut short before the plain data");
  }
  while (!(await body.isAtEnd())) yield await body.readSome(Number.MAX_SAFE_INTEGER);
}
