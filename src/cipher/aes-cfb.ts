import { type Cipheriv, createCipheriv } from "node:crypto";
import { concatBytes } from "../stream/byte-stream.ts";

const BLOCK_BYTES = 16;
const NOTHING = new Uint8Array(0);

/**
 * AES in cipher feedback mode, block by block, with an initial vector of zeros. The library's own
 * does one block per call. Each block of key stream is the encryption of the last stored block:
 * on decrypting those are all known, so ECB does them together; on encrypting it is what CBC makes
 * of the plain blocks, since CBC's stored block is the encryption of ours.
 */
export class AesCfb {
  readonly #engine: Cipheriv;
  /** Key stream for the next block. */
  #next: Uint8Array;
  /** Begun block. */
  #rest: Uint8Array = NOTHING;
  /** Key stream for the bytes of one call. */
  #stream: Uint8Array = NOTHING;

  constructor(key: Uint8Array, direction: "encrypt" | "decrypt") {
    const bits = key.byteLength * 8;
    const zeros = new Uint8Array(BLOCK_BYTES);
    this.#engine =
      direction === "encrypt"
        ? createCipheriv(`aes-${bits}-cbc`, key, zeros)
        : createCipheriv(`aes-${bits}-ecb`, key, null);
    this.#engine.setAutoPadding(false);
    this.#next = this.#engine.update(zeros);
  }

  /** What whole blocks give; the rest of the bytes waits for more. */
  update(bytes: Uint8Array): Uint8Array {
    const restBytes = this.#rest.byteLength;
    const totalBytes = restBytes + bytes.byteLength;
    const sizeBytes = totalBytes - (totalBytes % BLOCK_BYTES);
    if (sizeBytes === 0) {
      this.#rest = concatBytes([this.#rest, bytes]);
      return new Uint8Array(0);
    }
    // Memory of its own, so that it can be seen as words.
    const result = new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer);
    result.set(this.#rest, 0);
    result.set(bytes.subarray(0, sizeBytes - restBytes), restBytes);
    // A copy: slices of a Buffer are views, and the chunk may be used again.
    this.#rest = Uint8Array.from(bytes.subarray(sizeBytes - restBytes));
    if (this.#stream.byteLength < BLOCK_BYTES + sizeBytes) {
      this.#stream = new Uint8Array(BLOCK_BYTES + sizeBytes);
    }
    const stream = this.#stream;
    stream.set(this.#next, 0);
    stream.set(this.#engine.update(result), BLOCK_BYTES);
    this.#next = stream.slice(sizeBytes, sizeBytes + BLOCK_BYTES);
    exclusiveOr(result, stream, sizeBytes >>> 2);
    return result;
  }

  /** What the begun block gives. */
  final(): Uint8Array {
    return this.#rest.map((byte, index) => byte ^ (this.#next[index] ?? 0));
  }
}

function exclusiveOr(target: Uint8Array, other: Uint8Array, words: number): void {
  const to = new Int32Array(target.buffer, 0, words);
  const from = new Int32Array(other.buffer, 0, words);
  for (let index = 0; index < words; index++) to[index] = (to[index] ?? 0) ^ (from[index] ?? 0);
}
