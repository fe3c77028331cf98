/**
 * WAL-G's libsodium layout: libsodium's secretstream (XChaCha20-Poly1305), no associated data.
 *
 * header (24) | chunks of 8192 plain bytes (8209 each), tag MESSAGE
 *             | one last chunk of 0–8191 plain bytes (17–8208), tag FINAL
 *
 * A length that is a multiple of 8192 ends with an empty last chunk: the reader of WAL-G refuses
 * FINAL on a full one.
 */
import { corruptLibsodium } from "./errors.ts";

export const HEADER_BYTES = 24;
export const KEY_BYTES = 32;
export const STATE_BYTES = 52;
export const PLAIN_CHUNK_BYTES = 8192;
export const OVERHEAD_BYTES = 17;
export const STORED_CHUNK_BYTES = PLAIN_CHUNK_BYTES + OVERHEAD_BYTES;
export const TAG_MESSAGE = 0;
export const TAG_FINAL = 3;

/** Chunks that an engine does in one call. */
export const BATCH_CHUNKS = 32;
export const PLAIN_BATCH_BYTES = BATCH_CHUNKS * PLAIN_CHUNK_BYTES;
export const STORED_BATCH_BYTES = BATCH_CHUNKS * STORED_CHUNK_BYTES;

/** One implementation of secretstream, which does whole batches. */
export interface SecretStreamEngine {
  readonly name: "addon" | "wasm";
  seal(key: Uint8Array): Sealer;
  open(key: Uint8Array, header: Uint8Array): Opener;
}

export interface Sealer extends Disposable {
  readonly header: Uint8Array;
  /** Whole chunks; the last batch of a stream may be of any size, and gets the FINAL chunk. */
  batch(plain: Uint8Array, isLast: boolean): Uint8Array;
}

export interface Opener extends Disposable {
  /** Throws `RefusedChunk`, or `CorruptObjectError` for a tag in the wrong place. */
  batch(stored: Uint8Array, isLast: boolean): Uint8Array;
}

/** A chunk that does not authenticate: the wrong key, or damage. `index` counts in its batch. */
export class RefusedChunk extends Error {
  readonly index: number;
  constructor(index: number) {
    super(`chunk ${index} is refused`);
    this.index = index;
  }
}

/** The chunks of a plain batch: the last one of a stream is short, and may be empty. */
export function plainChunks(plainBytes: number, isLast: boolean): number {
  return Math.floor(plainBytes / PLAIN_CHUNK_BYTES) + (isLast ? 1 : 0);
}

export function sealedBytes(plainBytes: number, isLast: boolean): number {
  return plainBytes + plainChunks(plainBytes, isLast) * OVERHEAD_BYTES;
}

/** Plain bytes of a stored batch; throws when the last chunk is missing or cut off. */
export function openedBytes(storedBytes: number, isLast: boolean): number {
  const fullChunks = Math.floor(storedBytes / STORED_CHUNK_BYTES);
  const lastBytes = storedBytes - fullChunks * STORED_CHUNK_BYTES;
  if (!isLast) return fullChunks * PLAIN_CHUNK_BYTES;
  if (lastBytes === 0) throw corruptLibsodium("cut short: the final chunk is missing");
  if (lastBytes < OVERHEAD_BYTES) throw corruptLibsodium("cut short inside a chunk");
  return fullChunks * PLAIN_CHUNK_BYTES + lastBytes - OVERHEAD_BYTES;
}

/** FINAL belongs to the short chunk at the end, and MESSAGE to all before it. */
export function checkTag(tag: number | undefined, storedChunkBytes: number): void {
  const isFinal = storedChunkBytes < STORED_CHUNK_BYTES;
  if (tag === (isFinal ? TAG_FINAL : TAG_MESSAGE)) return;
  throw corruptLibsodium(
    isFinal ? "the last chunk is not marked as final" : "a chunk carries an unexpected tag",
  );
}
