import { seededRandom } from "./random.ts";

/** Numbers from 0 to below 1, from a seed: the same ones on every run. */
export function seededFractions(seed: number): () => number {
  const random = seededRandom(seed);
  return () => random.below(2 ** 32) / 2 ** 32;
}

/** Bytes that no codec makes smaller. */
export function incompressible(sizeBytes: number, seed: number): Uint8Array {
  const random = seededFractions(seed);
  const bytes = new Uint8Array(sizeBytes);
  for (let index = 0; index < sizeBytes; index++) bytes[index] = random() * 256;
  return bytes;
}

/** Like database pages: rows that repeat with small differences, holes of zeros, some noise. */
export function pageLike(sizeBytes: number, seed: number): Uint8Array {
  const random = seededFractions(seed);
  const bytes = new Uint8Array(sizeBytes);
  for (let offset = 0; offset < sizeBytes; ) {
    const kind = random();
    const length = 1 + Math.floor(random() * 600);
    if (kind < 0.3) {
      offset += length;
    } else if (kind < 0.9) {
      const row = Buffer.from(
        `row ${Math.floor(random() * 1000)} of table, value ${offset % 977}; `,
      );
      bytes.set(row.subarray(0, Math.max(0, sizeBytes - offset)), offset);
      offset += row.byteLength;
    } else {
      const noise = incompressible(Math.min(length, sizeBytes - offset), offset);
      bytes.set(noise, offset);
      offset += length;
    }
  }
  return bytes;
}

/**
 * Noise of which most is a copy of earlier bytes, 1 to `distanceMax` back: long distances stay
 * in use for a while, as with rows of a table that is stored again.
 */
export function distantCopies(
  sizeBytes: number,
  options: { readonly seed: number; readonly distanceMax: number; readonly lengthMax?: number },
): Uint8Array {
  const random = seededFractions(options.seed);
  const lengthMax = options.lengthMax ?? 200;
  const bytes = new Uint8Array(sizeBytes);
  for (let offset = 0; offset < sizeBytes; ) {
    const end = Math.min(sizeBytes, offset + 8 + Math.floor(random() * lengthMax));
    if (offset > 1000 && random() < 0.7) {
      const distance = 1 + Math.floor(random() * Math.min(offset, options.distanceMax));
      for (; offset < end; offset++) bytes[offset] = bytes[offset - distance] ?? 0;
    } else {
      for (; offset < end; offset++) bytes[offset] = random() * 256;
    }
  }
  return bytes;
}

/** The bytes in chunks of sizes up to `sizeBytesMax`; empty chunks are among them. */
export async function* inChunks(
  bytes: Uint8Array,
  options: { readonly sizeBytesMax: number; readonly seed: number },
): AsyncGenerator<Uint8Array> {
  const random = seededFractions(options.seed);
  for (let offset = 0; offset < bytes.byteLength; ) {
    const end = offset + Math.floor(random() * (options.sizeBytesMax + 1));
    yield bytes.subarray(offset, end);
    offset = end;
  }
}
