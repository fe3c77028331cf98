// Changed and cut WAL, maps and pieces: readers of changed blocks either say what undamaged bytes
// say or throw one of our two errors, and never hang. Damaged WAL is always refused, since CRCs
// cover it; maps have none, and what they say may differ. The seed is in the titles; FUZZ_SEED
// repeats a run.
import { expect, test } from "vitest";
import { CorruptObjectError } from "../../src/base/errors.ts";
import { decodePiece, encodePiece } from "../../src/database/postgres/segment-piece.ts";
import { DeltaMapReader, encodeDeltaMap } from "../../src/delta/delta-map.ts";
import { DeltaMapList } from "../../src/delta/delta-map-list.ts";
import { toLsn } from "../../src/delta/lsn.ts";
import { BlockReferences } from "../../src/wal/block-references.ts";
import { InvalidJournalError } from "../../src/wal/errors.ts";
import { relationChanges } from "../../src/wal/relation-records.ts";
import { SegmentBlocks } from "../../src/wal/segment-blocks.ts";
import { ChangeLog } from "../support/change-log.ts";
import { type GoldenSegment, goldenSegments } from "../support/golden-wal.ts";
import { heapChange, MadeWal, recordBytes } from "../support/made-wal.ts";
import { cutAtRandom, mutatedBytes, randomBytes } from "../support/mutation.ts";
import { fuzzSeed, type Random, seededRandom } from "../support/random.ts";

const SEED = fuzzSeed();
const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 150);
const golden = goldenSegments();

/** What a segment says, or the error. */
function outcome({ name }: Pick<GoldenSegment, "name">, pieces: readonly Uint8Array[]): unknown {
  const changes = new ChangeLog();
  const blocks = new SegmentBlocks(name, { owner: {}, sink: changes });
  try {
    for (const piece of pieces) blocks.update(piece);
    const { tail, head } = blocks.finish();
    return { entries: changes.entries, tail: [...tail], head: [...head] };
  } catch (error) {
    if (error instanceof CorruptObjectError || error instanceof InvalidJournalError) return error;
    throw error;
  }
}

test(`segments in any chunks say the same (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < ROUNDS / 15; round += 1) {
    const segment = random.pick(golden);
    const whole = outcome(segment, [segment.bytes]);
    const sizeMax = random.pick([3000, 50_000, 300_000]);
    expect(outcome(segment, cutAtRandom(random, segment.bytes, sizeMax))).toEqual(whole);
  }
});

test(`a damaged segment is refused, or says what it said (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 1);
  for (let round = 0; round < ROUNDS / 3; round += 1) {
    const segment = random.pick(golden);
    const bytes = segment.bytes.slice();
    for (let left = 1 + random.below(3); left > 0; left -= 1) {
      const at = random.below(bytes.byteLength);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    }
    const told = outcome(segment, [bytes]);
    if (told instanceof Error) continue;
    // A flipped bit of a record's tail or head is found only where its other half is.
    const { entries } = told as { entries: unknown };
    const { entries: undamaged } = outcome(segment, [segment.bytes]) as { entries: unknown };
    expect(entries, `round ${round}`).toEqual(undamaged);
  }
});

test("every beginning of small WAL is refused", () => {
  const made = new MadeWal();
  for (let index = 0; index < 5; index += 1) made.record(heapChange(7, index, 300));
  const endBytes = Number(made.lsn) % MadeWal.segmentBytes;
  made.switchSegment();
  const [only] = [...made.segments()];
  if (only === undefined) throw new Error("no segment");
  const [name, bytes] = only;
  expect(outcome({ name }, [bytes])).not.toBeInstanceOf(Error);
  // The last record is the switch, without which the segment is not full.
  for (let size = 0; size < endBytes + 24; size += 1) {
    expect(outcome({ name }, [bytes.subarray(0, size)]), `${size} bytes`).toBeInstanceOf(Error);
    const zeroed = bytes.slice().fill(0, size);
    expect(outcome({ name }, [zeroed]), `zeros from ${size}`).toBeInstanceOf(Error);
  }
});

test(`records of random content are refused or understood (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 2);
  for (let round = 0; round < ROUNDS * 20; round += 1) {
    const majorVersion = 13 + random.below(6);
    const body = [...someBody(random)];
    const kind = { manager: random.below(6), info: random.below(256) };
    const record = recordBytes(body, 1n, kind);
    const references = new BlockReferences(new ChangeLog());
    references.resume(majorVersion);
    const fault =
      references.piece(record, 0, record.byteLength) ??
      (references.missingBytes() === 0 ? references.finish() : "missing");
    expect(fault === undefined || typeof fault === "string").toBe(true);
    const main = randomBytes(random, random.below(60));
    const told = relationChanges({ ...kind, majorVersion, main }, new ChangeLog());
    expect(told === undefined || typeof told === "string").toBe(true);
  }
});

/** A record's body with a few bytes changed, or none that is right. */
function someBody(random: Random): Uint8Array {
  const right = Uint8Array.from(heapChange(random.below(5), random.below(100), random.below(300)));
  return random.below(4) === 0
    ? randomBytes(random, random.below(80))
    : mutatedBytes(random, right);
}

test(`maps and pieces are read or refused (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 3);
  const list = new DeltaMapList();
  for (let block = 0; block < 20; block += 1) list.block(1663, 5, 16384 + random.below(3), block);
  list.from(1663, 5, 16390, 7);
  const { blocks, limits } = list;
  const map = encodeDeltaMap({ blocks, limits, rest: randomBytes(random, 40) });
  const edges = {
    majorVersion: 17,
    address: toLsn(0x1000000n),
    tail: randomBytes(random, 30),
    endsTail: true,
    isOverwrite: false,
    head: randomBytes(random, 30),
  };
  const piece = encodePiece(edges, list);
  for (let round = 0; round < ROUNDS * 10; round += 1) {
    readOrRefuse(() => {
      const reader = new DeltaMapReader("map", new ChangeLog());
      for (const chunk of cutAtRandom(random, mutatedBytes(random, map), 60)) reader.update(chunk);
      reader.finish();
    });
    const damaged = mutatedBytes(random, piece);
    if (Buffer.compare(damaged, piece) === 0) continue;
    expect(() => decodePiece("piece", damaged)).toThrow(CorruptObjectError);
  }
});

function readOrRefuse(read: () => void): void {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptObjectError);
  }
}
