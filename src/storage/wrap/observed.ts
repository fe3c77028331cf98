import type { ByteSource, ByteStream } from "../../stream/byte-stream.ts";
import { closableStream } from "../closable-stream.ts";
import type { StorageDriver } from "../driver.ts";
import { AccessDeniedError, StorageUnavailableError } from "../errors.ts";

/** Told of each request that ended: how much it weighs, and whether the storage did it. */
export type Observer = (weight: number, isDone: boolean) => void;

/** WAL-G's weights. */
const STAT = 1000;
const LIST = 2000;
const TRANSFER = 1000;
const DELETE = 500;
const MIB = 1 << 20;

/** Whether the storage failed, as opposed to an answer that is no object, or to its caller. */
export function isStorageFault(error: unknown): boolean {
  return error instanceof StorageUnavailableError || error instanceof AccessDeniedError;
}

/** Tells how the requests end. What the caller stopped, or spoiled itself, does not count. */
export function observed(driver: StorageDriver, tell: Observer): StorageDriver {
  const tellFailure = (weight: number, error: unknown) => {
    if (isStorageFault(error)) tell(weight, false);
    else if (isAnswer(error)) tell(weight, true);
  };
  const watch = async <T>(weight: () => number, work: () => Promise<T>): Promise<T> => {
    let result: T;
    try {
      result = await work();
    } catch (error) {
      tellFailure(weight(), error);
      throw error;
    }
    tell(weight(), true);
    return result;
  };
  return {
    name: driver.name,
    traits: driver.traits,
    put: (key, body, options) => {
      const counted = countedBody(body);
      const weight = () => transferWeight(counted.bytes());
      return watch(weight, () => driver.put(key, counted.source, options));
    },
    get: async (key, options) => {
      try {
        return observedStream(await driver.get(key, options), tell);
      } catch (error) {
        tellFailure(TRANSFER, error);
        throw error;
      }
    },
    stat: (key, signal) =>
      watch(
        () => STAT,
        () => driver.stat(key, signal),
      ),
    async *list(prefix, options) {
      try {
        for await (const info of driver.list(prefix, options)) yield info;
      } catch (error) {
        tellFailure(LIST, error);
        throw error;
      }
      tell(LIST, true);
    },
    listFolder: (folder, signal) =>
      watch(
        () => LIST,
        () => driver.listFolder(folder, signal),
      ),
    delete: (keys, signal) =>
      watch(
        () => DELETE * (1 + Math.log10(Math.max(1, keys.length))),
        () => driver.delete(keys, signal),
      ),
    close: () => driver.close(),
  };
}

/** An error that only a storage that works can give. */
function isAnswer(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "object-not-found" || code === "object-exists";
}

function transferWeight(bytes: number): number {
  return TRANSFER * (1 + Math.log10(Math.max(1, bytes / MIB)));
}

function countedBody(body: ByteSource): { readonly source: ByteSource; bytes(): number } {
  let bytes = 0;
  const source: ByteSource = {
    sizeBytes: body.sizeBytes,
    replayable: body.replayable,
    async *open(signal) {
      bytes = 0;
      for await (const chunk of body.open(signal)) {
        bytes += chunk.byteLength;
        yield chunk;
      }
    },
  };
  return { source, bytes: () => bytes };
}

function observedStream(stream: ByteStream, tell: Observer): ByteStream {
  const inner = stream[Symbol.asyncIterator]();
  async function* chunks(): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    try {
      for (let next = await inner.next(); next.done !== true; next = await inner.next()) {
        bytes += next.value.byteLength;
        yield next.value;
      }
    } catch (error) {
      if (isStorageFault(error)) tell(transferWeight(bytes), false);
      throw error;
    }
    tell(transferWeight(bytes), true);
  }
  return closableStream(chunks(), async () => {
    await inner.return?.();
  });
}
