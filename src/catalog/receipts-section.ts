import { ByteReader, ByteWriter } from "../base/byte-fields.ts";
import { CorruptObjectError } from "../base/errors.ts";
import type { CodecName } from "../codec/codec.ts";
import type { PartEntry, PartReceipt, StoredObject } from "../transfer/stored-part.ts";
import { ENTRY_KINDS, HAS_CORRUPT_BLOCKS, HAS_MODE, HAS_PAGE_HASHES } from "./receipts-format.ts";

const CODEC_NAMES: readonly string[] = [
  "none",
  "lz4",
  "zstd",
  "brotli",
  "lzma",
  "gzip",
  "lzo",
] satisfies readonly CodecName[];

/** With setuid, setgid and sticky. */
const MODE_MAX = 0o7777;

/** Path, kind, size, hash and offset: no entry is shorter. */
const ENTRY_BYTES_MIN = 12;

/** Receipt of a part → section body (format in `receipts-format.ts`). */
export function encodeSection(receipt: PartReceipt): Uint8Array {
  const facts = encodeFacts(receipt);
  const compressed = Bun.zstdCompressSync(facts, { level: 3 });
  const hashes = receipt.entries.flatMap(({ pageHashes }) => pageHashes ?? []);
  const hashCount = hashes.reduce((sum, one) => sum + one.length, 0);
  const hashStart = 8 + compressed.byteLength;
  const body = new Uint8Array(hashStart + hashCount * 8);
  const view = new DataView(body.buffer);
  view.setUint32(0, compressed.byteLength, true);
  view.setUint32(4, facts.byteLength, true);
  body.set(compressed, 8);
  let at = hashStart;
  for (const one of hashes) {
    body.set(littleEndianBytes(one), at);
    at += one.length * 8;
  }
  return body;
}

function encodeFacts({ object, entries }: PartReceipt): Uint8Array {
  const writer = new ByteWriter();
  writer.text(object.key);
  writer.varint(object.plainBytes);
  writer.varint(object.storedBytes);
  writer.sha256(object.storedSha256);
  writer.text(object.codec);
  writer.text(object.cipherKeyId);
  writer.varint(entries.length);
  for (const entry of entries) encodeEntry(writer, entry);
  return writer.done();
}

function encodeEntry(writer: ByteWriter, entry: PartEntry): void {
  const { pageHashes, corruptBlocks, mode } = entry;
  writer.text(entry.path);
  writer.u8(
    ENTRY_KINDS.indexOf(entry.kind) +
      (pageHashes === undefined ? 0 : HAS_PAGE_HASHES) +
      (corruptBlocks.length === 0 ? 0 : HAS_CORRUPT_BLOCKS) +
      (mode === undefined ? 0 : HAS_MODE),
  );
  writer.varint(entry.sizeBytes);
  writer.u64(entry.xxHash3);
  writer.varint(entry.offset);
  if (pageHashes !== undefined) writer.varint(pageHashes.length);
  if (corruptBlocks.length > 0) {
    writer.varint(corruptBlocks.length);
    for (const block of corruptBlocks) writer.varint(block);
  }
  if (mode === undefined) return;
  writer.varint(mode);
  if (entry.kind === "link") writer.text(entry.linkTarget ?? "");
}

/** Section body → receipt. Throws `CorruptObjectError` on anything that is not exactly one. */
export function decodeSection(what: string, body: Uint8Array): PartReceipt {
  const reader = new ByteReader(what, body);
  const compressedBytes = reader.u32();
  const plainBytes = reader.u32();
  const facts = inflate(what, reader.bytes(compressedBytes), plainBytes);
  const receipt = decodeFacts(new ByteReader(what, facts), reader);
  reader.end();
  return receipt;
}

/** One zstd frame whose plain size is known. */
export function inflate(what: string, frame: Uint8Array, plainBytes: number): Uint8Array {
  let plain: Uint8Array;
  try {
    plain = Bun.zstdDecompressSync(frame);
  } catch (cause) {
    throw new CorruptObjectError(what, "cannot be decompressed", { cause });
  }
  // The decoder gives less, and no error, when a frame is cut short.
  if (plain.byteLength !== plainBytes) {
    throw new CorruptObjectError(what, `${plain.byteLength} of ${plainBytes} bytes decompressed`);
  }
  return plain;
}

function decodeFacts(facts: ByteReader, hashes: ByteReader): PartReceipt {
  const object: StoredObject = {
    key: facts.text(),
    plainBytes: facts.varint(),
    storedBytes: facts.varint(),
    storedSha256: facts.sha256(),
    codec: decodeCodec(facts),
    cipherKeyId: facts.text(),
  };
  const count = facts.count(ENTRY_BYTES_MIN);
  const entries = Array.from({ length: count }, () => decodeEntry(facts, hashes));
  facts.end();
  return { object, entries };
}

function decodeCodec(facts: ByteReader): CodecName {
  const name = facts.text();
  if (!CODEC_NAMES.includes(name)) throw facts.fault(`codec ${JSON.stringify(name)} is unknown`);
  return name as CodecName;
}

function decodeEntry(facts: ByteReader, hashes: ByteReader): PartEntry {
  const path = facts.text();
  const flags = facts.u8();
  const kind = ENTRY_KINDS[flags & 0x0f];
  const known = 0x0f | HAS_PAGE_HASHES | HAS_CORRUPT_BLOCKS | HAS_MODE;
  if (kind === undefined || (flags & ~known) !== 0) throw facts.fault(`entry kind ${flags}`);
  const sizeBytes = facts.varint();
  const xxHash3 = facts.u64();
  const offset = facts.varint();
  const pageHashes =
    (flags & HAS_PAGE_HASHES) === 0 ? undefined : decodeHashes(hashes, facts.varint());
  const corruptBlocks = (flags & HAS_CORRUPT_BLOCKS) === 0 ? [] : decodeBlocks(facts);
  const entry = { path, kind, sizeBytes, xxHash3, offset, pageHashes, corruptBlocks };
  if ((flags & HAS_MODE) === 0) return entry;
  const mode = facts.varint();
  if (mode > MODE_MAX) throw facts.fault(`mode ${mode}`);
  return kind === "link" ? { ...entry, mode, linkTarget: facts.text() } : { ...entry, mode };
}

function decodeHashes(hashes: ByteReader, count: number): BigUint64Array {
  if (count * 8 > hashes.restBytes()) throw hashes.fault(`${count} page hashes are promised`);
  const bytes = hashes.bytes(count * 8);
  const aligned = new BigUint64Array(count);
  const target = new Uint8Array(aligned.buffer);
  target.set(bytes);
  if (!IS_LITTLE_ENDIAN) swapWords(target);
  return aligned;
}

function decodeBlocks(facts: ByteReader): number[] {
  const count = facts.count(1);
  const blocks = Array.from({ length: count }, () => facts.varint());
  const isAscending = blocks.every((block, i) => i === 0 || block > (blocks[i - 1] ?? 0));
  if (!isAscending || count === 0) throw facts.fault("the list of corrupt blocks");
  return blocks;
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function littleEndianBytes(words: BigUint64Array): Uint8Array {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  if (IS_LITTLE_ENDIAN) return bytes;
  const swapped = bytes.slice();
  swapWords(swapped);
  return swapped;
}

function swapWords(bytes: Uint8Array): void {
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).swap64();
}
