/** The unit of a paged file's hashes: PostgreSQL's page, whatever the server's block size. */
export const PAGE_LEAF_BYTES = 8192;
/** The unit of every other file's hash. */
export const PLAIN_LEAF_BYTES = 1 << 20;

/**
 * The hash of a file in the receipts, made while its bytes pass, in any chunks:
 * xxHash3-64 (seed 0) of the content when it fits one leaf, else xxHash3-64 of the leaves'
 * hashes (8 bytes each, little endian, in order). Leaves are 8 KiB in a paged file, where they
 * are also kept one by one, and 1 MiB in any other; the last may be short.
 */
export class ContentHasher {
  readonly #leafBytes: number;
  readonly #onLeaf: ((leaf: Uint8Array, index: number) => void) | undefined;
  #leaves: BigUint64Array;
  #leafCount = 0;
  #pending: Uint8Array | undefined;
  #pendingBytes = 0;

  /** `onLeaf` sees every leaf whole, also those that lie across chunks; it must not keep them. */
  constructor(
    leafBytes: number,
    expectedBytes = 0,
    onLeaf?: (leaf: Uint8Array, index: number) => void,
  ) {
    this.#leafBytes = leafBytes;
    this.#onLeaf = onLeaf;
    this.#leaves = new BigUint64Array(Math.max(1, Math.ceil(expectedBytes / leafBytes)));
  }

  update(chunk: Uint8Array): void {
    let offset = 0;
    if (this.#pendingBytes > 0) offset = this.#fill(chunk, 0);
    const leafBytes = this.#leafBytes;
    for (; offset + leafBytes <= chunk.byteLength; offset += leafBytes) {
      this.#push(chunk.subarray(offset, offset + leafBytes));
    }
    if (offset < chunk.byteLength) this.#fill(chunk, offset);
  }

  /** Ends the content. `leaves` is a view of exactly the leaves' hashes. */
  digest(): { readonly hash: bigint; readonly leaves: BigUint64Array } {
    if (this.#pendingBytes > 0 || this.#leafCount === 0) {
      const rest = this.#pending?.subarray(0, this.#pendingBytes) ?? new Uint8Array(0);
      this.#pendingBytes = 0;
      this.#push(rest);
    }
    const leaves = this.#leaves.subarray(0, this.#leafCount);
    return { hash: rootHash(leaves), leaves };
  }

  #fill(chunk: Uint8Array, from: number): number {
    this.#pending ??= new Uint8Array(this.#leafBytes);
    const take = Math.min(this.#leafBytes - this.#pendingBytes, chunk.byteLength - from);
    this.#pending.set(chunk.subarray(from, from + take), this.#pendingBytes);
    this.#pendingBytes += take;
    if (this.#pendingBytes === this.#leafBytes) {
      this.#pendingBytes = 0;
      this.#push(this.#pending);
    }
    return from + take;
  }

  #push(leaf: Uint8Array): void {
    if (this.#leafCount === this.#leaves.length) {
      const larger = new BigUint64Array(this.#leaves.length * 2);
      larger.set(this.#leaves);
      this.#leaves = larger;
    }
    this.#leaves[this.#leafCount] = BigInt(Bun.hash.xxHash3(leaf));
    this.#onLeaf?.(leaf, this.#leafCount);
    this.#leafCount += 1;
  }
}

/** The file's hash from its leaves' hashes. */
function rootHash(leaves: BigUint64Array): bigint {
  if (leaves.length === 1) return leaves[0] ?? 0n;
  const bytes = new Uint8Array(leaves.buffer, leaves.byteOffset, leaves.byteLength);
  return BigInt(Bun.hash.xxHash3(bytes));
}
