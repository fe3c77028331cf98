import type { ByteSource, ByteStream } from "../stream/byte-stream.ts";
import type { ObjectKey } from "./object-key.ts";

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface ObjectInfo {
  readonly key: ObjectKey;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  /** The same in nanoseconds since 1970, where the storage knows more than milliseconds. */
  readonly modifiedNs?: bigint | undefined;
}

export interface DriverTraits {
  /** false: a crash may leave a partial object under a temporary name. */
  readonly atomicPut: boolean;
  /** true: `ifAbsent` is decided by the service, not by stat-then-put. */
  readonly conditionalPut: boolean;
  /** true: listing a long prefix is one request; false: it reads the whole directory. */
  readonly listsByPrefix: boolean;
  readonly connectionsMax: number;
  readonly deleteBatchMax: number;
  /** true: `put` repeats its own requests (from its part buffers); the wrapper does not again. */
  readonly retriesPut?: boolean;
}

/**
 * A storage service below one root. What it guarantees (each is a conformance test):
 *
 *  1. `put` is all or nothing for readers; once it resolves, `get`, `stat` and `list` see it.
 *  2. `put` replaces, unless `ifAbsent`: then `ObjectExistsError`, and the old bytes stay.
 *  3. `get` and `stat` of an absent key reject with `ObjectNotFoundError` before any byte.
 *  4. `range` gives exactly those bytes; past the end → `InvalidRangeError`, never a short read.
 *  5. `list` gives the keys under the prefix in ascending byte order, all pages, each once; an
 *     unknown prefix is empty. The prefix is a plain string prefix of keys.
 *  6. `delete` of absent keys is no error; more keys than `deleteBatchMax` are split.
 *  7. A signal aborted before the call changes nothing; during `put` it leaves no object behind.
 *  8. An error of the body source comes out of `put` as it was, and no object is left behind.
 *  9. Every other rejection is one of our storage errors: cause kept, transient or not stated,
 *     no secret in any text.
 * 10. Empty objects, one byte, sizes past the multipart threshold, and keys with space, `+`,
 *     `%`, `é` work.
 */
export interface StorageDriver {
  /** "s3://bucket/prefix": for logs, never a secret. */
  readonly name: string;
  readonly traits: DriverTraits;
  put(
    key: ObjectKey,
    body: ByteSource,
    options: { readonly ifAbsent: boolean; readonly signal: AbortSignal },
  ): Promise<ObjectInfo>;
  get(
    key: ObjectKey,
    options: { readonly range?: ByteRange; readonly signal: AbortSignal },
  ): Promise<ByteStream>;
  stat(key: ObjectKey, signal: AbortSignal): Promise<ObjectInfo>;
  list(
    prefix: string,
    options: { readonly after?: ObjectKey; readonly signal: AbortSignal },
  ): AsyncIterable<ObjectInfo>;
  /**
   * Objects directly under `folder` and the names of its sub-folders, unordered: one page walk of
   * what a directory view needs (backup listing), without visiting everything below.
   */
  listFolder(
    folder: string,
    signal: AbortSignal,
  ): Promise<{ readonly objects: readonly ObjectInfo[]; readonly folders: readonly string[] }>;
  delete(keys: readonly ObjectKey[], signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
