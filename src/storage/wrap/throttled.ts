import type { ByteSource, ByteStream } from "../../stream/byte-stream.ts";
import { throttle } from "../../stream/throttle.ts";
import type { RateLimit } from "../../stream/token-bucket.ts";
import { closableStream } from "../closable-stream.ts";
import type { StorageDriver } from "../driver.ts";

/** Moves the bytes of objects no faster than the limit, which all streams share, both ways. */
export function throttled(driver: StorageDriver, limit: RateLimit): StorageDriver {
  return {
    name: driver.name,
    traits: driver.traits,
    put: (key, body, options) => driver.put(key, throttledBody(body, limit), options),
    get: async (key, options) =>
      throttledStream(await driver.get(key, options), limit, options.signal),
    stat: (key, signal) => driver.stat(key, signal),
    list: (prefix, options) => driver.list(prefix, options),
    listFolder: (folder, signal) => driver.listFolder(folder, signal),
    delete: (keys, signal) => driver.delete(keys, signal),
    close: () => driver.close(),
  };
}

function throttledBody(body: ByteSource, limit: RateLimit): ByteSource {
  return {
    sizeBytes: body.sizeBytes,
    replayable: body.replayable,
    open: (signal) => throttle(limit, signal)(body.open(signal)),
  };
}

/** Also when nobody pulls the first byte, what is open below must be closed. */
function throttledStream(stream: ByteStream, limit: RateLimit, signal: AbortSignal): ByteStream {
  const inner = stream[Symbol.asyncIterator]();
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield* throttle(limit, signal)({ [Symbol.asyncIterator]: () => inner });
  }
  return closableStream(chunks(), async () => {
    await inner.return?.();
  });
}
