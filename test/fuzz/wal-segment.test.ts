// Changed, cut, joined and random WAL: the segment check either passes what is still WAL or throws
// one of its two errors; it never hangs, never throws anything else, and whatever changes a byte
// that a checksum covers is found. The seed is in the titles; FUZZ_SEED repeats a run.
import { expect, test } from "vitest";
import { CorruptObjectError } from "../../src/base/errors.ts";
import { InvalidJournalError } from "../../src/wal/errors.ts";
import { SegmentCheck } from "../../src/wal/segment-check.ts";
import { type GoldenSegment, goldenSegments } from "../support/golden-wal.ts";
import { fuzzSeed, type Random, seededRandom } from "../support/random.ts";

const SEED = fuzzSeed();
const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 150);
const SEGMENT_BYTES = 1 << 20;
const PAGE_BYTES = 8192;
const all = goldenSegments();

/** undefined: it passed. */
function outcome(golden: GoldenSegment, bytes: Uint8Array, random: Random): unknown {
  const check = new SegmentCheck(golden.name, { owner: {}, checksRecords: true });
  try {
    for (let at = 0; at < bytes.byteLength; ) {
      const size = 1 + random.below(random.pick([100, 10_000, 300_000]));
      check.update(bytes.subarray(at, at + size));
      at += size;
    }
    check.finish();
    return undefined;
  } catch (error) {
    return error;
  }
}

function isOurs(error: unknown): boolean {
  return error instanceof CorruptObjectError || error instanceof InvalidJournalError;
}

test(`any chunks give the same answer (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < ROUNDS / 5; round += 1) {
    const golden = random.pick(all);
    expect(outcome(golden, golden.bytes, random)).toBeUndefined();
  }
});

test(`damage of every shape is refused or harmless (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 1);
  for (let round = 0; round < ROUNDS; round += 1) {
    const golden = random.pick(all);
    const bytes = golden.bytes.slice();
    const shape = random.below(4);
    const at = random.below(SEGMENT_BYTES - PAGE_BYTES);
    if (shape === 0) bytes.set(random.pick(all).bytes.subarray(at, at + PAGE_BYTES), at);
    if (shape === 1) bytes.fill(random.below(256), at, at + 1 + random.below(PAGE_BYTES));
    if (shape === 2) bytes.copyWithin(at, at + random.below(PAGE_BYTES), at + PAGE_BYTES);
    if (shape === 3) crypto.getRandomValues(bytes.subarray(at, at + 1 + random.below(300)));
    const error = outcome(golden, bytes, random);
    expect(error === undefined || isOurs(error), `round ${round}: ${error}`).toBe(true);
  }
});

test(`a cut or an extension anywhere is refused (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 2);
  for (let round = 0; round < ROUNDS; round += 1) {
    const golden = random.pick(all);
    const cut = golden.bytes.subarray(0, random.below(SEGMENT_BYTES));
    expect(isOurs(outcome(golden, cut, random)), `cut to ${cut.byteLength}`).toBe(true);
    const longer = new Uint8Array(SEGMENT_BYTES + 1 + random.below(2 * PAGE_BYTES));
    longer.set(golden.bytes);
    expect(isOurs(outcome(golden, longer, random)), `${longer.byteLength} bytes`).toBe(true);
  }
});

test(`random bytes are no segment (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 3);
  for (let round = 0; round < ROUNDS; round += 1) {
    const golden = random.pick(all);
    const noise = Uint8Array.from({ length: random.below(3 * PAGE_BYTES) }, () =>
      random.below(256),
    );
    expect(isOurs(outcome(golden, noise, random))).toBe(true);
  }
});

test(`a flipped bit in the payload of a record is found (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 4);
  const middles = all.filter((_, index) => index % 2 === 0);
  for (let round = 0; round < ROUNDS; round += 1) {
    const golden = random.pick(middles);
    // The first and the last record of a segment go on elsewhere, where their checksum is.
    const at = 4 * PAGE_BYTES + random.below(SEGMENT_BYTES - 8 * PAGE_BYTES);
    if (!isLetter(golden.bytes, at)) continue;
    const bytes = golden.bytes.slice();
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    expect(isOurs(outcome(golden, bytes, random)), `byte ${at} of ${golden.name}`).toBe(true);
  }
});

/** The rows are text, so a lower-case letter between letters lies in the payload of a record. */
function isLetter(bytes: Uint8Array, at: number): boolean {
  return bytes.subarray(at - 8, at + 9).every((byte) => byte >= 0x61 && byte <= 0x7a);
}
