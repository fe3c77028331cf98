import { ByteReader, ByteWriter, SHA256_BYTES, sha256Hex } from "../base/byte-fields.ts";
import { CorruptObjectError, ToolError } from "../base/errors.ts";
import {
  type DocumentReceipt,
  FLAG_ENCRYPTED,
  FOOTER_BYTES,
  RECEIPTS_MAGIC,
  RECEIPTS_VERSION,
  type SectionPlace,
  TAIL_BYTES,
} from "./receipts-format.ts";
import { inflate } from "./receipts-section.ts";

/** Where the index lies and what proves it. */
export interface Footer {
  readonly indexOffset: number;
  readonly indexBytes: number;
  readonly indexSha256: string;
  readonly isEncrypted: boolean;
  readonly sectionCount: number;
}

export interface ReceiptsIndex {
  /** In the order of writing. */
  readonly sections: readonly SectionPlace[];
  readonly documents: readonly DocumentReceipt[];
}

/** The receipts are of a later format than this version knows. */
export class UnsupportedFormatError extends ToolError {
  readonly version: number;

  constructor(what: string, version: number) {
    super({
      code: "unsupported-format",
      message:
        `${what}: written in format version ${version}, ` +
        `this version reads up to ${RECEIPTS_VERSION}`,
      hint: "A newer tidemark wrote it; use that version, or a later one, to read it.",
    });
    this.version = version;
  }
}

/** Sections are contiguous from offset 0, so only their lengths are written. */
export function encodeIndex(index: ReceiptsIndex): Uint8Array {
  const writer = new ByteWriter();
  writer.varint(index.sections.length);
  for (const section of index.sections) {
    writer.text(section.key);
    writer.varint(section.partStoredBytes);
    writer.varint(section.sizeBytes);
    writer.sha256(section.sha256);
  }
  writer.varint(index.documents.length);
  for (const document of index.documents) {
    writer.text(document.name);
    writer.varint(document.sizeBytes);
    writer.sha256(document.sha256);
  }
  const plain = writer.done();
  const frame = Bun.zstdCompressSync(plain, { level: 3 });
  const bytes = new Uint8Array(4 + frame.byteLength);
  new DataView(bytes.buffer).setUint32(0, plain.byteLength, true);
  bytes.set(frame, 4);
  return bytes;
}

export function decodeIndex(what: string, bytes: Uint8Array, footer: Footer): ReceiptsIndex {
  const outer = new ByteReader(what, bytes);
  const plainBytes = outer.u32();
  const reader = new ByteReader(what, inflate(what, outer.bytes(outer.restBytes()), plainBytes));
  const sections: SectionPlace[] = [];
  let offset = 0;
  const sectionCount = reader.count(2 + SHA256_BYTES);
  for (let i = 0; i < sectionCount; i += 1) {
    const place = {
      key: reader.text(),
      partStoredBytes: reader.varint(),
      offset,
      sizeBytes: reader.varint(),
      sha256: reader.sha256(),
    };
    offset += place.sizeBytes;
    sections.push(place);
  }
  if (sectionCount !== footer.sectionCount || offset !== footer.indexOffset) {
    throw reader.fault("index and footer disagree");
  }
  const documentCount = reader.count(2 + SHA256_BYTES);
  const documents = Array.from({ length: documentCount }, () => ({
    name: reader.text(),
    sizeBytes: reader.varint(),
    sha256: reader.sha256(),
  }));
  reader.end();
  return { sections, documents };
}

export function encodeFooter(footer: Footer): Uint8Array {
  const bytes = new Uint8Array(FOOTER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(footer.indexOffset), true);
  view.setBigUint64(8, BigInt(footer.indexBytes), true);
  bytes.set(Buffer.from(footer.indexSha256, "hex"), 16);
  view.setUint32(48, footer.isEncrypted ? FLAG_ENCRYPTED : 0, true);
  view.setUint32(52, footer.sectionCount, true);
  view.setUint32(72, RECEIPTS_VERSION, true);
  view.setUint32(76, FOOTER_BYTES, true);
  bytes.set(new TextEncoder().encode(RECEIPTS_MAGIC), 80);
  view.setBigUint64(64, footerChecksum(bytes), true);
  return bytes;
}

/** Version and length of the footer at the end of `tail`: the same place in every version. */
export function decodeTail(what: string, tail: Uint8Array): { version: number; bytes: number } {
  const end = tail.subarray(-TAIL_BYTES);
  const magic = new TextDecoder().decode(end.subarray(16));
  if (end.byteLength < TAIL_BYTES || magic !== RECEIPTS_MAGIC) {
    throw new CorruptObjectError(what, "does not end as receipts do");
  }
  const view = new DataView(end.buffer, end.byteOffset, end.byteLength);
  return { version: view.getUint32(8, true), bytes: view.getUint32(12, true) };
}

/**
 * Throws `UnsupportedFormatError` for a later version whose checksum holds, and
 * `CorruptObjectError` for damage. `sizeBytes` is the size of the whole object.
 */
export function decodeFooter(what: string, bytes: Uint8Array, sizeBytes: number): Footer {
  const tail = decodeTail(what, bytes);
  const reader = new ByteReader(what, bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const checksumAt = bytes.byteLength - TAIL_BYTES;
  if (
    tail.bytes !== bytes.byteLength ||
    view.getBigUint64(checksumAt, true) !== footerChecksum(bytes)
  ) {
    throw new CorruptObjectError(what, "the footer fails its checksum");
  }
  if (tail.version > RECEIPTS_VERSION) throw new UnsupportedFormatError(what, tail.version);
  if (tail.version !== RECEIPTS_VERSION || bytes.byteLength !== FOOTER_BYTES) {
    throw new CorruptObjectError(what, `no format has version ${tail.version}`);
  }
  const indexOffset = reader.u64();
  const indexBytes = reader.u64();
  if (indexOffset + indexBytes + BigInt(FOOTER_BYTES) !== BigInt(sizeBytes)) {
    throw new CorruptObjectError(what, `the footer is of a larger or smaller object`);
  }
  const indexSha256 = reader.sha256();
  const flags = reader.u32();
  const sectionCount = reader.u32();
  if ((flags & ~FLAG_ENCRYPTED) !== 0 || reader.u64() !== 0n) {
    throw new CorruptObjectError(what, "the footer has unknown flags");
  }
  return {
    indexOffset: Number(indexOffset),
    indexBytes: Number(indexBytes),
    indexSha256,
    isEncrypted: flags === FLAG_ENCRYPTED,
    sectionCount,
  };
}

/** xxHash3-64 of everything but the checksum itself, which lies before the last 16 bytes. */
function footerChecksum(bytes: Uint8Array): bigint {
  const at = bytes.byteLength - TAIL_BYTES;
  return Bun.hash.xxHash3(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 8)]));
}

/** Compares with what the level above says; throws `CorruptObjectError`. */
export function expectSha256(what: string, bytes: Uint8Array, sha256: string): void {
  const own = sha256Hex(bytes);
  if (own !== sha256) {
    throw new CorruptObjectError(what, `SHA-256 is ${own}, ${sha256} was recorded`);
  }
}
