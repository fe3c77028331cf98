import type { ByteStream } from "../stream/byte-stream.ts";

/**
 * A stream over a resource that is open before the first byte is pulled. A generator that never
 * ran skips its `finally`; this one closes the resource also then, and exactly once.
 */
export function closableStream(
  chunks: AsyncGenerator<Uint8Array>,
  close: () => void | Promise<void>,
): ByteStream {
  let isClosed = false;
  const closeOnce = async () => {
    if (isClosed) return;
    isClosed = true;
    await close();
  };
  const iterator: AsyncIterableIterator<Uint8Array> = {
    [Symbol.asyncIterator]: () => iterator,
    async next() {
      try {
        const result = await chunks.next();
        if (result.done === true) await closeOnce();
        return result;
      } catch (error) {
        await closeOnce();
        throw error;
      }
    },
    async return() {
      await closeOnce();
      await chunks.return(undefined);
      return { done: true, value: undefined };
    },
  };
  return iterator;
}
