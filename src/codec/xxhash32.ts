const PRIME_1 = 0x9e3779b1 | 0;
const PRIME_2 = 0x85ebca77 | 0;
const PRIME_3 = 0xc2b2ae3d | 0;
const PRIME_4 = 0x27d4eb2f | 0;
const PRIME_5 = 0x165667b1 | 0;
const STRIPE_BYTES = 16;

/** XXH32 with seed 0, fed in pieces: the runtime's own takes whole inputs only. */
export class XxHash32 {
  readonly #lanes = Int32Array.of((PRIME_1 + PRIME_2) | 0, PRIME_2, 0, -PRIME_1 | 0);
  readonly #pending = new Uint8Array(STRIPE_BYTES);
  #pendingBytes = 0;
  #totalBytes = 0;

  update(bytes: Uint8Array): void {
    this.#totalBytes += bytes.byteLength;
    let offset = 0;
    if (this.#pendingBytes > 0) {
      offset = Math.min(STRIPE_BYTES - this.#pendingBytes, bytes.byteLength);
      this.#pending.set(bytes.subarray(0, offset), this.#pendingBytes);
      this.#pendingBytes += offset;
      if (this.#pendingBytes < STRIPE_BYTES) return;
      this.#stripes(this.#pending);
    }
    const whole = bytes.subarray(offset, bytes.byteLength - ((bytes.byteLength - offset) % 16));
    this.#stripes(whole);
    const rest = bytes.subarray(offset + whole.byteLength);
    this.#pending.set(rest);
    this.#pendingBytes = rest.byteLength;
  }

  /** The hash of what was fed so far, unsigned. */
  digest(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#lanes;
    let hash =
      this.#totalBytes >= STRIPE_BYTES
        ? (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0
        : PRIME_5;
    hash = (hash + this.#totalBytes) | 0;
    const view = new DataView(this.#pending.buffer);
    let offset = 0;
    for (; offset + 4 <= this.#pendingBytes; offset += 4) {
      hash = (hash + Math.imul(view.getInt32(offset, true), PRIME_3)) | 0;
      hash = Math.imul(rotate(hash, 17), PRIME_4);
    }
    for (; offset < this.#pendingBytes; offset++) {
      hash = (hash + Math.imul(this.#pending[offset] ?? 0, PRIME_5)) | 0;
      hash = Math.imul(rotate(hash, 11), PRIME_1);
    }
    hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
    hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  /** Hot loop: a whole number of stripes, the lanes in locals. */
  #stripes(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let [a = 0, b = 0, c = 0, d = 0] = this.#lanes;
    for (let offset = 0; offset < bytes.byteLength; offset += STRIPE_BYTES) {
      a = (a + Math.imul(view.getInt32(offset, true), PRIME_2)) | 0;
      b = (b + Math.imul(view.getInt32(offset + 4, true), PRIME_2)) | 0;
      c = (c + Math.imul(view.getInt32(offset + 8, true), PRIME_2)) | 0;
      d = (d + Math.imul(view.getInt32(offset + 12, true), PRIME_2)) | 0;
      a = Math.imul((a << 13) | (a >>> 19), PRIME_1);
      b = Math.imul((b << 13) | (b >>> 19), PRIME_1);
      c = Math.imul((c << 13) | (c >>> 19), PRIME_1);
      d = Math.imul((d << 13) | (d >>> 19), PRIME_1);
    }
    this.#lanes.set([a, b, c, d]);
  }
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
