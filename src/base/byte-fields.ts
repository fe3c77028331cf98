import { CorruptObjectError } from "./errors.ts";
import { decodeUtf8 } from "./json.ts";

/**
 * Fields of our own binary formats: little endian; `varint` is LEB128, unsigned; a text is its
 * length in bytes as a varint and UTF-8.
 */
export const SHA256_BYTES = 32;

/** Appends numbers, text and bytes. */
export class ByteWriter {
  #bytes = new Uint8Array(1024);
  #at = 0;

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a size: ${value}`);
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#at++] = rest;
  }

  u64(value: bigint): void {
    this.#reserve(8);
    new DataView(this.#bytes.buffer).setBigUint64(this.#at, value, true);
    this.#at += 8;
  }

  text(value: string): void {
    if (!value.isWellFormed()) throw new RangeError(`not Unicode text: ${JSON.stringify(value)}`);
    const encoded = new TextEncoder().encode(value);
    this.varint(encoded.byteLength);
    this.bytes(encoded);
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.byteLength);
    this.#bytes.set(value, this.#at);
    this.#at += value.byteLength;
  }

  sha256(hex: string): void {
    const bytes = Buffer.from(hex, "hex");
    if (bytes.byteLength !== SHA256_BYTES) throw new RangeError(`not a SHA-256: ${hex}`);
    this.bytes(bytes);
  }

  /** What was written; the writer must not be used afterwards. */
  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.byteLength) return;
    const larger = new Uint8Array(Math.max(this.#bytes.byteLength * 2, this.#at + count));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}

/** Reads what `ByteWriter` wrote. Every read past the end or out of bounds throws. */
export class ByteReader {
  readonly #what: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(what: string, bytes: Uint8Array) {
    this.#what = what;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  varint(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 8; count += 1) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      if (!Number.isSafeInteger(value)) break;
      if (byte < 0x80) {
        // One number has one form, so that equal receipts have equal bytes.
        if (byte === 0 && count > 0) break;
        return value;
      }
      factor *= 0x80;
    }
    throw this.fault("a number is not well formed");
  }

  /** A count of things of which each takes at least `bytesEach`: never more than can be there. */
  count(bytesEach: number): number {
    const count = this.varint();
    if (count * bytesEach > this.restBytes()) throw this.fault(`${count} things are promised`);
    return count;
  }

  text(): string {
    return decodeUtf8(this.bytes(this.varint()), this.#what);
  }

  bytes(count: number): Uint8Array {
    const start = this.#advance(count);
    return this.#bytes.subarray(start, start + count);
  }

  sha256(): string {
    return Buffer.from(this.bytes(SHA256_BYTES)).toString("hex");
  }

  restBytes(): number {
    return this.#bytes.byteLength - this.#at;
  }

  end(): void {
    if (this.restBytes() > 0) throw this.fault(`${this.restBytes()} bytes too many`);
  }

  fault(detail: string): CorruptObjectError {
    return new CorruptObjectError(this.#what, `${detail} (at byte ${this.#at})`);
  }

  #advance(count: number): number {
    if (count > this.restBytes()) {
      throw this.fault(`${count} bytes were expected, ${this.restBytes()} are left`);
    }
    const start = this.#at;
    this.#at += count;
    return start;
  }
}

export function sha256Hex(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}
