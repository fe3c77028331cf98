import { read } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import type { Invocation } from "../command/command.ts";

const STDIN = 0;
const CHUNK_BYTES = 256 * 1024;

/** Stdin: can be read once. A wait for more ends when the signal does. */
export const STANDARD_INPUT: Invocation["input"] = {
  sizeBytes: undefined,
  replayable: false,
  async *open(signal) {
    for (;;) {
      signal.throwIfAborted();
      const chunk = new Uint8Array(CHUNK_BYTES);
      const got = await readSome(chunk, signal);
      if (got === 0) return;
      if (got > 0) yield chunk.subarray(0, got);
    }
  },
};

/** In another thread, since nobody knows how long it takes. Below zero: nothing there yet. */
function readSome(chunk: Uint8Array, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    read(STDIN, chunk, 0, chunk.byteLength, null, (error, got) => {
      signal.removeEventListener("abort", onAbort);
      if (error === null) resolve(got);
      // A pipe that its other end made non-blocking.
      else if (errnoOf(error) === "EAGAIN") setTimeout(resolve, 10, -1);
      else reject(error);
    });
  });
}
