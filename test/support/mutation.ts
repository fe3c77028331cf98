import type { Random } from "./random.ts";

/** Random bytes. */
export function randomBytes(random: Random, sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, () => random.below(256));
}

/** The bytes with one to three faults: a changed, lost, added or doubled run, or a cut end. */
export function mutatedBytes(random: Random, bytes: Uint8Array): Uint8Array {
  let result = bytes.slice();
  for (let left = 1 + random.below(3); left > 0; left -= 1) {
    const at = random.below(result.byteLength + 1);
    const run = 1 + random.below(8);
    const before = result.subarray(0, at);
    const after = result.subarray(at);
    const pieces: readonly (readonly Uint8Array[])[] = [
      [before, randomBytes(random, Math.min(run, after.byteLength)), after.subarray(run)],
      [before, after.subarray(run)],
      [before, randomBytes(random, run), after],
      [before, after.subarray(0, run), after],
      [before],
    ];
    result = new Uint8Array(Buffer.concat([...random.pick(pieces)]));
  }
  return result;
}

/** The same bytes in pieces of random sizes. */
export function cutAtRandom(random: Random, bytes: Uint8Array, sizeBytesMax: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.byteLength; ) {
    const size = 1 + random.below(sizeBytesMax);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}
