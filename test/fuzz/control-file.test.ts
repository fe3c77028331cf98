// Damaged pg_control files are refused by an error of their own, never misread: changed ones by
// their checksum, and those whose checksum was made to fit by their fields. The seed is in the
// titles.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { crc32c } from "../../src/base/crc32c.ts";
import { ControlFileError, parseControlFile } from "../../src/database/postgres/control-file.ts";
import { isSegmentSize } from "../../src/wal/segment-name.ts";
import { mutatedBytes, randomBytes } from "../support/mutation.ts";
import { fuzzSeed, seededRandom } from "../support/random.ts";

const SEED = fuzzSeed();
const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 150) * 10;
const CRC_OFFSETS = new Map([
  [13, 288],
  [14, 288],
  [15, 288],
  [16, 288],
  [17, 288],
  [18, 292],
]);
const VERSIONS = [...CRC_OFFSETS.keys()];

function golden(version: number): Uint8Array {
  const path = join(import.meta.dirname, `../golden/pg-control/${version}.bin`);
  return new Uint8Array(readFileSync(path));
}

test(`a changed file is refused or, past its checksum, the same (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < ROUNDS; round += 1) {
    const version = random.pick(VERSIONS);
    const original = golden(version);
    const changed = mutatedBytes(random, original);
    try {
      const control = parseControlFile(changed, "x");
      expect(control).toEqual(parseControlFile(original, "x"));
    } catch (error) {
      expect(error).toBeInstanceOf(ControlFileError);
    }
  }
});

test(`a file whose checksum fits gives sound fields or is refused (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 1);
  let readCount = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const version = random.pick(VERSIONS);
    const crcOffset = CRC_OFFSETS.get(version) ?? 0;
    const bytes = golden(version);
    const at = random.below(crcOffset - 3);
    bytes.set(randomBytes(random, 1 + random.below(3)), at);
    new DataView(bytes.buffer).setUint32(crcOffset, crc32c(bytes.subarray(0, crcOffset)), true);
    try {
      const control = parseControlFile(bytes, "x");
      expect(isSegmentSize(control.segmentBytes)).toBe(true);
      expect(control.state).toBeTypeOf("string");
      readCount += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(ControlFileError);
    }
  }
  expect(readCount).toBeGreaterThan(ROUNDS / 2);
});

test(`chance makes no pg_control (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 2);
  for (let round = 0; round < ROUNDS; round += 1) {
    const bytes = randomBytes(random, random.below(400));
    expect(() => parseControlFile(bytes, "x")).toThrow(ControlFileError);
  }
});
