// Random zone files are read as they were written, and changed ones are read or refused by the one
// error that the caller expects. The seed is in the titles.
import { expect, test } from "vitest";
import { parseZoneFile, type ZonePeriod } from "../../src/base/local-zone.ts";
import { mutatedBytes, randomBytes } from "../support/mutation.ts";
import { fuzzSeed, type Random, seededRandom } from "../support/random.ts";

const SEED = fuzzSeed();
const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 150) * 4;

function header(counts: { time: number; type: number; char: number }): Uint8Array {
  const bytes = new Uint8Array(44);
  bytes.set(new TextEncoder().encode("TZif2"));
  const view = new DataView(bytes.buffer);
  view.setUint32(32, counts.time);
  view.setUint32(36, counts.type);
  view.setUint32(40, counts.char);
  return bytes;
}

/** A file of version 2, its block of version 1 of random size, and what is to be read of it. */
function randomZone(random: Random): { bytes: Uint8Array; periods: readonly ZonePeriod[] } {
  const names = Array.from({ length: 1 + random.below(4) }, (_, i) => `Z${"+03".repeat(i)}`);
  const starts = names.map((_, i) => names.slice(0, i).join("\0").length + (i === 0 ? 0 : 1));
  const chars = new TextEncoder().encode(`${names.join("\0")}\0`);
  const types = names.map((text) => ({ text, offset: random.below(100_000) - 50_000 }));
  const typeBytes = new Uint8Array(6 * types.length);
  const typeView = new DataView(typeBytes.buffer);
  for (const [i, { offset }] of types.entries()) {
    typeView.setInt32(6 * i, offset);
    typeView.setUint8(6 * i + 5, starts[i] ?? 0);
  }
  const time = random.below(10);
  const times = new Uint8Array(8 * time);
  const indexes = Uint8Array.from({ length: time }, () => random.below(types.length));
  const periods = Array.from(indexes, (index, i) => {
    const fromSeconds = (i - 3) * 10_000_000_000;
    new DataView(times.buffer).setBigInt64(8 * i, BigInt(fromSeconds));
    return { fromSeconds, offset: types[index]?.offset ?? 0, text: types[index]?.text ?? "" };
  });
  const old = { time: random.below(5), type: random.below(3), char: random.below(9) };
  const oldBytes = randomBytes(random, old.time * 5 + old.type * 6 + old.char);
  const counts = { time, type: types.length, char: chars.byteLength };
  const pieces = [header(old), oldBytes, header(counts), times, indexes, typeBytes, chars];
  const first = { fromSeconds: Number.NEGATIVE_INFINITY, offset: 0, text: "", ...types[0] };
  return { bytes: new Uint8Array(Buffer.concat(pieces)), periods: [first, ...periods] };
}

test(`zone files are read as they were written (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < ROUNDS; round += 1) {
    const { bytes, periods } = randomZone(random);
    expect(parseZoneFile(bytes)).toEqual(periods);
    const cut = bytes.subarray(0, random.below(bytes.byteLength));
    expect(() => parseZoneFile(cut)).toThrow(RangeError);
  }
});

test(`changed zone files are read or refused by one kind of error (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 1);
  for (let round = 0; round < ROUNDS * 4; round += 1) {
    const changed = mutatedBytes(random, randomZone(random).bytes);
    try {
      for (const { text } of parseZoneFile(changed)) expect(text.length).toBeLessThan(300);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
    }
  }
});
