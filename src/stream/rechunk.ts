import type { ByteStream, Stage } from "./byte-stream.ts";
import { recycle } from "./chunk-pool.ts";

/**
 * Chunks of exactly `sizeBytes`, only the last one shorter; nothing for an empty stream. Bytes
 * are copied only where a chunk is made of several, into memory that `allocate` gives.
 */
export function rechunk(sizeBytes: number, allocate = allocateBytes): Stage {
  return async function* (input: ByteStream) {
    let pending: Uint8Array | undefined;
    let pendingBytes = 0;
    for await (const chunk of input) {
      let offset = 0;
      let isCopied = true;
      if (pending !== undefined) {
        offset = Math.min(sizeBytes - pendingBytes, chunk.byteLength);
        pending.set(chunk.subarray(0, offset), pendingBytes);
        pendingBytes += offset;
        if (pendingBytes === sizeBytes) {
          yield pending;
          pending = undefined;
        }
      }
      for (; offset + sizeBytes <= chunk.byteLength; offset += sizeBytes) {
        // The chunk itself where it fits: it may come from a pool and go back there.
        const isWhole = chunk.byteLength === sizeBytes;
        isCopied = false;
        yield isWhole ? chunk : chunk.subarray(offset, offset + sizeBytes);
      }
      if (offset < chunk.byteLength) {
        pending = allocate(sizeBytes);
        pending.set(chunk.subarray(offset), 0);
        pendingBytes = chunk.byteLength - offset;
      }
      if (isCopied) recycle(chunk);
    }
    if (pending !== undefined) yield pending.subarray(0, pendingBytes);
  };
}

/** Memory for who still holds one chunk when the next is made: two pieces, in turn. */
export function alternatingMemory(): (sizeBytes: number) => Uint8Array {
  const memory: Uint8Array[] = [];
  let turn = 0;
  return (sizeBytes) => {
    turn = 1 - turn;
    const piece = memory[turn];
    if (piece?.byteLength === sizeBytes) return piece;
    return (memory[turn] = allocateBytes(sizeBytes));
  };
}

/** Not zeroed: every byte below pendingBytes gets written before anybody sees it. */
function allocateBytes(sizeBytes: number): Uint8Array {
  return Buffer.allocUnsafeSlow(sizeBytes);
}
