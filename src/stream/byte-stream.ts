/** Bytes in order. A consumer that stops early makes the producer clean up (`return()`). */
export type ByteStream = AsyncIterable<Uint8Array>;

/**
 * A step of the pipe. An observing stage passes bytes unchanged and gives its result at the end.
 * A chunk that was yielded belongs to the consumer: a stage must not write into it again.
 */
export type Stage = (input: ByteStream) => ByteStream;

/** Bytes that can be opened. `replayable` says whether a second open starts again at byte 0. */
export interface ByteSource {
  /** Exact size when known; a source that gives another number of bytes must throw. */
  readonly sizeBytes: number | undefined;
  readonly replayable: boolean;
  open(signal: AbortSignal): ByteStream;
}

export function compose(input: ByteStream, ...stages: readonly Stage[]): ByteStream {
  return stages.reduce((stream, stage) => stage(stream), input);
}

/** A replayable source of bytes that are in memory. */
export function bytesSource(bytes: Uint8Array | string): ByteSource {
  const content = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  return {
    sizeBytes: content.byteLength,
    replayable: true,
    async *open(signal) {
      signal.throwIfAborted();
      if (content.byteLength > 0) yield content;
    },
  };
}

/** All bytes of a stream that is known to be small; throws past `limitBytes`. */
export async function collect(stream: ByteStream, limitBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of stream) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > limitBytes) throw new RangeError(`more than ${limitBytes} bytes`);
    chunks.push(chunk);
  }
  return concatBytes(chunks, sizeBytes);
}

export function concatBytes(
  chunks: readonly Uint8Array[],
  sizeBytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0),
): Uint8Array {
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(sizeBytes);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}
