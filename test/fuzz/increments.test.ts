// Random increments give their pages to the right places in any chunks, twice like once; changed
// ones are refused or stay within the largest file. The seed is in the titles.
import { expect, test } from "vitest";
import { CorruptObjectError } from "../../src/base/errors.ts";
import { IncrementApplier } from "../../src/delta/increment-apply.ts";
import { BLOCK_COUNT_MAX, PAGE_BYTES } from "../../src/delta/increment-format.ts";
import { cutAtRandom, mutatedBytes, randomBytes } from "../support/mutation.ts";
import { fuzzSeed, type Random, seededRandom } from "../support/random.ts";

const SEED = fuzzSeed();
const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 150);
const BLOCKS_MAX = 12;

interface Sample {
  readonly bytes: Uint8Array;
  readonly fileBytes: number;
  readonly pageBytes: number;
  readonly isOriole: boolean;
  /** Block number → the byte that fills it. */
  readonly pages: ReadonlyMap<number, number>;
}

function randomSample(random: Random): Sample {
  const isOriole = random.below(3) === 0;
  const pageBytes = isOriole ? random.pick([512, 8192]) : PAGE_BYTES;
  const fileBytes = random.below(BLOCKS_MAX + 1) * pageBytes;
  const pages = new Map<number, number>();
  for (let block = 0; block < fileBytes / pageBytes; block += 1) {
    if (random.below(2) === 0) pages.set(block, 1 + random.below(255));
  }
  const head = new Uint8Array((isOriole ? 18 : 16) + 4 * pages.size);
  const view = new DataView(head.buffer);
  head.set([0x77, 0x69, 0x31, 0x55]);
  view.setBigUint64(4, BigInt(fileBytes), true);
  if (isOriole) view.setUint16(12, pageBytes, true);
  let at = isOriole ? 14 : 12;
  view.setUint32(at, pages.size, true);
  for (const block of pages.keys()) view.setUint32((at += 4), block, true);
  const content = [...pages.values()].map((byte) => new Uint8Array(pageBytes).fill(byte));
  const bytes = new Uint8Array(Buffer.concat([head, ...content]));
  return { bytes, fileBytes, pageBytes, isOriole, pages };
}

/** Records where bytes go, so that a place far away costs nothing. */
class Recorder {
  sizeBytes = -1;
  readonly writes: { readonly bytes: Uint8Array; readonly position: number }[] = [];

  begin({ fileBytes }: { readonly fileBytes: number }): void {
    this.sizeBytes = fileBytes;
  }

  writeAt(bytes: Uint8Array, position: number): void {
    this.writes.push({ bytes: bytes.slice(), position });
  }

  /** The file's bytes after a truncation that filled it with zeros. */
  content(): Uint8Array {
    const content = new Uint8Array(this.sizeBytes);
    for (const { bytes, position } of this.writes) content.set(bytes, position);
    return content;
  }
}

function apply(target: Recorder, pieces: readonly Uint8Array[], isOriole: boolean): void {
  const applier = new IncrementApplier(target, { isOriole, what: "base/1/2" });
  for (const piece of pieces) applier.push(piece);
  applier.finish();
}

test(`pages reach their places in any chunks, twice like once (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < ROUNDS; round += 1) {
    const { bytes, fileBytes, pageBytes, isOriole, pages } = randomSample(random);
    const wanted = new Uint8Array(fileBytes);
    for (const [block, byte] of pages) {
      wanted.fill(byte, block * pageBytes, (block + 1) * pageBytes);
    }
    const target = new Recorder();
    for (const sizeBytesMax of [random.pick([7, 100, 9000]), 100_000]) {
      apply(target, cutAtRandom(random, bytes, sizeBytesMax), isOriole);
      expect(Buffer.compare(target.content(), wanted)).toBe(0);
    }
  }
});

test(`a cut or longer increment is refused (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 1);
  for (let round = 0; round < ROUNDS; round += 1) {
    const { bytes, isOriole } = randomSample(random);
    const cut = bytes.subarray(0, random.below(bytes.byteLength));
    const extended = new Uint8Array(Buffer.concat([bytes, randomBytes(random, 1)]));
    for (const changed of [cut, extended]) {
      const pieces = cutAtRandom(random, changed, 5000);
      expect(() => apply(new Recorder(), pieces, isOriole)).toThrow(CorruptObjectError);
    }
  }
});

test(`changed increments are refused or stay within the largest file (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 2);
  for (let round = 0; round < ROUNDS * 4; round += 1) {
    const { bytes, isOriole } = randomSample(random);
    // Faults in the first bytes are those that could lead astray: the rest is pages.
    const head = mutatedBytes(random, bytes.subarray(0, 60));
    const changed = new Uint8Array(Buffer.concat([head, bytes.subarray(60)]));
    const target = new Recorder();
    try {
      apply(target, cutAtRandom(random, changed, 9000), isOriole);
    } catch (error) {
      expect(error).toBeInstanceOf(CorruptObjectError);
    }
    const limitBytes = BLOCK_COUNT_MAX * 65_536;
    expect(target.sizeBytes).toBeLessThanOrEqual(BLOCK_COUNT_MAX * PAGE_BYTES);
    for (const write of target.writes) expect(write.position).toBeLessThan(limitBytes);
  }
});
