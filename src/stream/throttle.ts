import type { ByteStream, Stage } from "./byte-stream.ts";
import type { RateLimit } from "./token-bucket.ts";

/** A chunk waits no longer than this at once: whoever reads on must not take it for a stall. */
const SLICES_A_SECOND = 4;

/** Passes bytes unchanged and no faster than the limit, which other streams may share. */
export function throttle(limit: RateLimit, signal: AbortSignal): Stage {
  const sliceBytes = Math.max(1, Math.floor(limit.bytesPerSecond / SLICES_A_SECOND));
  return async function* (input: ByteStream) {
    for await (const chunk of input) {
      if (chunk.byteLength <= sliceBytes) {
        await limit.take(chunk.byteLength, signal);
        // The chunk itself: it may come from a pool and go back there.
        yield chunk;
        continue;
      }
      for (let offset = 0; offset < chunk.byteLength; offset += sliceBytes) {
        const slice = chunk.subarray(offset, offset + sliceBytes);
        await limit.take(slice.byteLength, signal);
        yield slice;
      }
    }
  };
}
