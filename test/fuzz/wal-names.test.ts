// Random names and histories: what is written is read back the same, and whatever is not a WAL
// file name or a history is refused and never misread. The seed is in the titles.
import { expect, test } from "vitest";
import { formatLsn, toLsn } from "../../src/delta/lsn.ts";
import { InvalidJournalError } from "../../src/wal/errors.ts";
import { parseWalFileName } from "../../src/wal/file-name.ts";
import { formatSegmentName, nextSegment, parseSegmentName } from "../../src/wal/segment-name.ts";
import { parseTimelineHistory } from "../../src/wal/timeline-history.ts";
import { fuzzSeed, seededRandom } from "../support/random.ts";

const SEED = fuzzSeed();
const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 150) * 20;

test(`segments keep their order and come back from their names (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < ROUNDS; round += 1) {
    const segmentBytes = 1 << (20 + random.below(11));
    const perLog = 0x1_0000_0000n / BigInt(segmentBytes);
    const timeline = 1 + random.below(0x7fffffff);
    const segment = { timeline, number: random.bits64() % (perLog * 0xffff_ffffn) };
    const name = formatSegmentName(segment, segmentBytes);
    expect(parseSegmentName(name, segmentBytes)).toEqual(segment);
    expect(parseWalFileName(name)).toEqual({ kind: "segment", name, timeline });
    expect(formatSegmentName(nextSegment(segment), segmentBytes) > name).toBe(true);
  }
});

test(`a changed name is another name or none (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 1);
  const names = [
    "0000000A00000001000000FF",
    "0000000A.history",
    "0000000A00000001000000FF.partial",
    "0000000A00000001000000FF.00000028.backup",
  ];
  const letters = "0123456789ABCDEFabcdef.phxz/_\n\u0000é";
  for (let round = 0; round < ROUNDS; round += 1) {
    const name = random.pick(names);
    const at = random.below(name.length + 1);
    const letter = random.pick([...letters]);
    const changed = name.slice(0, at) + letter + name.slice(at + random.below(3));
    const parsed = parseWalFileName(changed);
    if (parsed === undefined) continue;
    expect(changed).toMatch(
      /^[0-9A-F]{8}([0-9A-F]{16}(\.partial|\.[0-9A-F]{8}\.backup)?|\.history)$/,
    );
  }
});

test(`histories come back as written; changed ones parse or are refused (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 2);
  for (let round = 0; round < ROUNDS / 10; round += 1) {
    let timeline = 0;
    let lsn = 0n;
    const ancestors = Array.from({ length: 1 + random.below(6) }, () => {
      timeline += 1 + random.below(5);
      lsn += random.bits64() >> 8n;
      return { timeline, switchLsn: toLsn(lsn), reason: 'at restore point "x y"' };
    });
    const history = { timeline: timeline + 1 + random.below(4), ancestors };
    const text = ancestors
      .map((each) => `${each.timeline}\t${formatLsn(each.switchLsn)}\t${each.reason}\n`)
      .join("\n");
    const facts = { timeline: history.timeline, name: "x.history" };
    expect(parseTimelineHistory(text, facts)).toEqual(history);
    const at = random.below(text.length);
    const changed = text.slice(0, at) + random.pick([..."019Fx/\t\n #-"]) + text.slice(at + 1);
    try {
      parseTimelineHistory(changed, facts);
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidJournalError);
    }
  }
});
