import type { Clock } from "../../base/clock.ts";
import { type ByteSource, type ByteStream, concatBytes } from "../../stream/byte-stream.ts";
import { openBody } from "../checked-body.ts";
import type { ByteRange, DriverTraits, ObjectInfo, StorageDriver } from "../driver.ts";
import { ObjectExistsError, ObjectNotFoundError } from "../errors.ts";
import { compareKeys } from "../key-order.ts";
import type { ObjectKey } from "../object-key.ts";
import { resolveRange } from "../range.ts";

interface StoredBytes {
  readonly bytes: Uint8Array;
  readonly modifiedAt: Date;
}

const CHUNK_BYTES = 256 * 1024;

/** Objects in this process: the plainest reading of the guarantees, and storage for tests. */
export class MemoryDriver implements StorageDriver {
  readonly name = "memory:";
  readonly traits: DriverTraits = {
    atomicPut: true,
    conditionalPut: true,
    listsByPrefix: true,
    connectionsMax: 64,
    deleteBatchMax: 1000,
  };
  readonly #objects = new Map<ObjectKey, StoredBytes>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async put(
    key: ObjectKey,
    body: ByteSource,
    options: { readonly ifAbsent: boolean; readonly signal: AbortSignal },
  ): Promise<ObjectInfo> {
    const { ifAbsent, signal } = options;
    signal.throwIfAborted();
    const chunks: Uint8Array[] = [];
    for await (const chunk of openBody(body, { storage: this.name, key, signal })) {
      chunks.push(chunk);
    }
    if (ifAbsent && this.#objects.has(key)) {
      throw new ObjectExistsError({ storage: this.name, key });
    }
    const stored = { bytes: concatBytes(chunks), modifiedAt: this.#clock.now() };
    this.#objects.set(key, stored);
    return toInfo(key, stored);
  }

  async get(
    key: ObjectKey,
    options: { readonly range?: ByteRange; readonly signal: AbortSignal },
  ): Promise<ByteStream> {
    options.signal.throwIfAborted();
    const { bytes } = this.#find(key);
    const { offset, length } = resolveRange(options.range, bytes.byteLength, {
      storage: this.name,
      key,
    });
    return chunksOf(bytes.subarray(offset, offset + length), options.signal);
  }

  async stat(key: ObjectKey, signal: AbortSignal): Promise<ObjectInfo> {
    signal.throwIfAborted();
    return toInfo(key, this.#find(key));
  }

  async *list(
    prefix: string,
    options: { readonly after?: ObjectKey; readonly signal: AbortSignal },
  ): AsyncIterable<ObjectInfo> {
    const { after, signal } = options;
    for (const key of this.#keysUnder(prefix)) {
      signal.throwIfAborted();
      if (after !== undefined && compareKeys(key, after) <= 0) continue;
      const stored = this.#objects.get(key);
      if (stored !== undefined) yield toInfo(key, stored);
    }
  }

  async listFolder(folder: string, signal: AbortSignal) {
    signal.throwIfAborted();
    const prefix = folder === "" || folder.endsWith("/") ? folder : `${folder}/`;
    const objects: ObjectInfo[] = [];
    const folders = new Set<string>();
    for (const key of this.#keysUnder(prefix)) {
      const rest = key.slice(prefix.length);
      const slash = rest.indexOf("/");
      if (slash >= 0) folders.add(rest.slice(0, slash));
      else objects.push(toInfo(key, this.#find(key)));
    }
    return { objects, folders: [...folders] };
  }

  async delete(keys: readonly ObjectKey[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (const key of keys) this.#objects.delete(key);
  }

  async close(): Promise<void> {}

  #find(key: ObjectKey): StoredBytes {
    const stored = this.#objects.get(key);
    if (stored === undefined) throw new ObjectNotFoundError({ storage: this.name, key });
    return stored;
  }

  #keysUnder(prefix: string): ObjectKey[] {
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix));
    return keys.sort(compareKeys);
  }
}

function toInfo(key: ObjectKey, stored: StoredBytes): ObjectInfo {
  return { key, sizeBytes: stored.bytes.byteLength, modifiedAt: stored.modifiedAt };
}

async function* chunksOf(bytes: Uint8Array, signal: AbortSignal): ByteStream {
  for (let offset = 0; offset < bytes.byteLength; offset += CHUNK_BYTES) {
    signal.throwIfAborted();
    // A copy: a chunk belongs to its consumer, the stored bytes do not.
    yield bytes.slice(offset, offset + CHUNK_BYTES);
  }
}
