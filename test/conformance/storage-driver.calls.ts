// What the storage tests share: bodies with known bytes, and short forms of the driver's calls.
import type { ObjectInfo, StorageDriver } from "../../src/storage/driver.ts";
import type { ObjectKey } from "../../src/storage/object-key.ts";
import { type ByteSource, bytesSource, collect } from "../../src/stream/byte-stream.ts";

export const NEVER = new AbortController().signal;

export type StorageTest = (title: string, test: (driver: StorageDriver) => Promise<void>) => void;

export interface OpenedStorage {
  readonly driver: StorageDriver;
  close(): Promise<void>;
}

export interface StorageSuite {
  readonly name: string;
  /** An empty storage; called once. */
  open(): Promise<OpenedStorage>;
  /** When opening may take longer than a hook usually does. */
  readonly openTimeoutMs?: number;
  /** Names that the service would change: the driver refuses them. */
  readonly refusedNames?: RegExp;
  /** A size that the driver stores in several parts. */
  readonly multipartBytes: number;
  /** How many objects make several pages of a listing. */
  readonly listingCount: number;
}

/** Bytes that differ with the seed and do not repeat at part boundaries. */
export function pattern(sizeBytes: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  const words = new Int32Array(bytes.buffer, 0, sizeBytes >> 2);
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  for (let index = words.length * 4; index < sizeBytes; index += 1) bytes[index] = seed + index;
  return bytes;
}

/** Never ends by itself: `afterChunk` throws or aborts. */
export function endlessSource(afterChunk: (sentBytes: number) => void): ByteSource {
  return {
    sizeBytes: undefined,
    replayable: true,
    async *open() {
      afterChunk(0);
      for (let sentBytes = 0; ; ) {
        yield pattern(64 * 1024, sentBytes);
        sentBytes += 64 * 1024;
        afterChunk(sentBytes);
      }
    },
  };
}

export async function put(
  driver: StorageDriver,
  key: ObjectKey,
  bytes: Uint8Array,
): Promise<ObjectInfo> {
  return driver.put(key, bytesSource(bytes), { ifAbsent: false, signal: NEVER });
}

export async function read(driver: StorageDriver, key: ObjectKey): Promise<Uint8Array> {
  return new Uint8Array(await collect(await driver.get(key, { signal: NEVER }), 2 ** 30));
}

export async function listed(
  driver: StorageDriver,
  prefix: string,
  after?: ObjectKey,
  signal: AbortSignal = NEVER,
): Promise<ObjectInfo[]> {
  const options = after === undefined ? { signal } : { after, signal };
  return Array.fromAsync(driver.list(prefix, options));
}

export async function forEachOf<T>(
  items: readonly T[],
  concurrency: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
