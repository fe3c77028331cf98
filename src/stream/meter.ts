import type { ByteStream, Stage } from "./byte-stream.ts";

/** Observes a stream: how many bytes passed, and their SHA-256 where asked. */
export interface Meter {
  readonly stage: Stage;
  /** Bytes seen so far. */
  sizeBytes(): number;
}

export function countingMeter(onBytes?: (bytes: number) => void): Meter {
  let sizeBytes = 0;
  return {
    sizeBytes: () => sizeBytes,
    async *stage(input: ByteStream) {
      for await (const chunk of input) {
        sizeBytes += chunk.byteLength;
        onBytes?.(chunk.byteLength);
        yield chunk;
      }
    },
  };
}

/** A meter that also takes the SHA-256; `sha256` may be called once, after the stream's end. */
export function hashingMeter(): Meter & { sha256(): string } {
  let sizeBytes = 0;
  const hasher = new Bun.CryptoHasher("sha256");
  return {
    sizeBytes: () => sizeBytes,
    sha256: () => hasher.digest("hex"),
    async *stage(input: ByteStream) {
      for await (const chunk of input) {
        sizeBytes += chunk.byteLength;
        hasher.update(chunk);
        yield chunk;
      }
    },
  };
}
