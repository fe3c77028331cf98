import { ByteReader } from "../stream/byte-reader.ts";
import { type ByteStream, concatBytes } from "../stream/byte-stream.ts";
import { freedWhenRecycled, recycle } from "../stream/chunk-pool.ts";
import { AesCfb } from "./aes-cfb.ts";
import { corruptOpenPgp } from "./errors.ts";

/**
 * The body of a packet that is encrypted and protected (RFC 4880, 5.13), version 1:
 *
 * 1 (1) | AES-CFB of: random block (16), its last 2 bytes again | content | 0xd3 0x14, SHA-1 (20)
 *
 * SHA-1 is over all plain bytes before it; the bytes count only once it was compared.
 */
const VERSION = 1;
const PREFIX_BYTES = 18;
const SEAL_HEAD = Uint8Array.from([0xd3, 0x14]);
const SEAL_BYTES = 22;

export async function* protect(content: ByteStream, key: Uint8Array): AsyncGenerator<Uint8Array> {
  const cfb = new AesCfb(key, "encrypt");
  const hasher = new Bun.CryptoHasher("sha1");
  const block = crypto.getRandomValues(new Uint8Array(PREFIX_BYTES - 2));
  const prefix = concatBytes([block, block.slice(-2)]);
  hasher.update(prefix);
  yield Uint8Array.from([VERSION]);
  yield cfb.update(prefix);
  for await (const chunk of content) {
    hasher.update(chunk);
    const stored = freedWhenRecycled(cfb.update(chunk));
    recycle(chunk);
    yield stored;
  }
  hasher.update(SEAL_HEAD);
  yield cfb.update(concatBytes([SEAL_HEAD, hasher.digest()]));
  yield cfb.final();
}

/** The content; throws at its end unless the sum is right. */
export async function* openProtected(
  body: ByteStream,
  key: Uint8Array,
): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(body);
  try {
    const [version] = await reader.read(1);
    if (version !== VERSION) {
      throw corruptOpenPgp(`protected in version ${version ?? "?"}, only 1 can be read`);
    }
    const plain = new ByteReader(openSealed(reader, key));
    const prefix = await plain.read(PREFIX_BYTES);
    if (prefix.byteLength < PREFIX_BYTES) throw corruptOpenPgp("cut short before the content");
    if (prefix[14] !== prefix[16] || prefix[15] !== prefix[17]) {
      throw corruptOpenPgp("its first block is damaged");
    }
    while (!(await plain.isAtEnd())) yield await plain.readSome(Number.MAX_SAFE_INTEGER);
  } finally {
    await reader.close();
  }
}

/** Everything plain before the seal, which is held back and compared at the end. */
async function* openSealed(reader: ByteReader, key: Uint8Array): AsyncGenerator<Uint8Array> {
  const cfb = new AesCfb(key, "decrypt");
  const hasher = new Bun.CryptoHasher("sha1");
  let held = new Uint8Array(0);
  const take = (plain: Uint8Array): Uint8Array => {
    const all = concatBytes([held, plain]);
    const givenBytes = Math.max(0, all.byteLength - SEAL_BYTES);
    held = all.slice(givenBytes);
    const given = all.subarray(0, givenBytes);
    hasher.update(given);
    return given;
  };
  while (!(await reader.isAtEnd())) {
    const given = take(cfb.update(await reader.readSome(Number.MAX_SAFE_INTEGER)));
    if (given.byteLength > 0) yield given;
  }
  const last = take(cfb.final());
  hasher.update(SEAL_HEAD);
  const seal = concatBytes([SEAL_HEAD, hasher.digest()]);
  if (Buffer.compare(held, seal) !== 0) throw corruptOpenPgp("its sum is not that of its content");
  if (last.byteLength > 0) yield last;
}
