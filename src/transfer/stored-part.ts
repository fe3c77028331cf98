import type { CodecName } from "../codec/codec.ts";

/** What is known of one stored object: enough to prove it without opening it. */
export interface StoredObject {
  /** Full object key. */
  readonly key: string;
  readonly plainBytes: number;
  readonly storedBytes: number;
  /** SHA-256 of the stored bytes, lower-case hex. */
  readonly storedSha256: string;
  readonly codec: CodecName;
  /** `Cipher.keyId`; empty when not encrypted. */
  readonly cipherKeyId: string;
}

/** One file inside a part, as the receipts keep it. */
export interface PartEntry {
  /** Tar entry name: `/base/5/16390`. */
  readonly path: string;
  readonly kind: "whole" | "increment" | "directory" | "link";
  /** Content bytes inside the part (an increment: of the increment). */
  readonly sizeBytes: number;
  /** Hash of the content as `stream/content-hash.ts` defines it; 0n for directories and links. */
  readonly xxHash3: bigint;
  /** Where the content starts in the part's plain bytes. */
  readonly offset: number;
  /**
   * xxHash3-64 of each 8 KiB page of a paged file, in order; undefined for other files. Of an
   * increment: of each page that it holds.
   */
  readonly pageHashes: BigUint64Array | undefined;
  /** Blocks whose page checksum is wrong, relative to the file; empty when none or unchecked. */
  readonly corruptBlocks: readonly number[];
  /** Permission bits; undefined where the receipts were written before they kept them. */
  readonly mode?: number | undefined;
  /** Of a link, where `mode` is there. */
  readonly linkTarget?: string | undefined;
}

/** A section of the receipts: one stored object and what is in it. */
export interface PartReceipt {
  readonly object: StoredObject;
  readonly entries: readonly PartEntry[];
}
