// Which WAL files a backup needs, at the edges of segments and logs, which one proves the archive
// before it, and which are another cluster's.
import { describe, expect, test } from "vitest";
import {
  checkServersJournal,
  firstJournalOf,
  journalBetween,
} from "../../../../src/database/postgres/journal-needs.ts";
import type { BackupStart, PostgresSession } from "../../../../src/database/postgres/session.ts";
import { parseLsn } from "../../../../src/delta/lsn.ts";
import { InvalidJournalError } from "../../../../src/wal/errors.ts";
import { isSegmentName } from "../../../../src/wal/segment-name.ts";
import { goldenSegment } from "../../../support/golden-wal.ts";
import { recordingLogger } from "../../../support/memory-repository.ts";

const NEVER = new AbortController().signal;
const MIB = 1 << 20;

describe("files between two places", () => {
  test.each([
    ["0/2000028", "0/2000100", 16, ["02"]],
    ["0/2000028", "0/3000000", 16, ["02"]],
    ["0/2000028", "0/3000001", 16, ["02", "03"]],
    ["0/2000000", "0/4000060", 16, ["02", "03", "04"]],
    ["0/200028", "0/400000", 1, ["02", "03"]],
  ])("%s to %s with %i MiB", (start, stop, segmentMiB, ends) => {
    const options = { timeline: 1, walSegmentBytes: segmentMiB * MIB };
    const names = journalBetween(parseLsn(start), parseLsn(stop), options);
    expect(names).toEqual(ends.map((end) => `0000000100000000000000${end}`));
  });

  test("go on in the next log after its last segment", () => {
    const options = { timeline: 0x1a, walSegmentBytes: 16 * MIB };
    expect(journalBetween(parseLsn("A/FE000028"), parseLsn("B/1000001"), options)).toEqual([
      "0000001A0000000A000000FE",
      "0000001A0000000A000000FF",
      "0000001A0000000B00000000",
      "0000001A0000000B00000001",
    ]);
  });
});

function startAt(lsn: string, segment: string): BackupStart {
  if (!isSegmentName(segment)) throw new Error(segment);
  return { startLsn: parseLsn(lsn), timeline: 1, segment };
}

/** The part of a session that is asked. */
function server(facts: {
  isInRecovery: boolean;
  switched?: string;
  replayed?: string;
}): PostgresSession {
  const part = {
    facts: { walSegmentBytes: 16 * MIB, isInRecovery: facts.isInRecovery },
    switchWal: async () => facts.switched,
    query: async () => [[facts.replayed ?? null]],
  };
  return part as unknown as PostgresSession;
}

describe("the file that proves the archive", () => {
  const { log } = recordingLogger();
  const options = { log, signal: NEVER };
  const start = startAt("0/5000028", "000000010000000000000005");

  test("of a primary is the one that is ended for it", async () => {
    const primary = server({ isInRecovery: false, switched: "000000010000000000000005" });
    expect(await firstJournalOf(primary, start, options)).toBe("000000010000000000000005");
  });

  test("of a user who may not end one is the one before the start", async () => {
    const primary = server({ isInRecovery: false });
    expect(await firstJournalOf(primary, start, options)).toBe("000000010000000000000004");
    const first = startAt("0/1000028", "000000010000000000000001");
    expect(await firstJournalOf(primary, first, options)).toBeUndefined();
  });

  test("of a standby is its start, once replay has left that behind", async () => {
    const ahead = server({ isInRecovery: true, replayed: "0/6000001" });
    expect(await firstJournalOf(ahead, start, options)).toBe("000000010000000000000005");
    const at = server({ isInRecovery: true, replayed: "0/6000000" });
    expect(await firstJournalOf(at, start, options)).toBeUndefined();
    const unknown = server({ isInRecovery: true });
    expect(await firstJournalOf(unknown, start, options)).toBeUndefined();
  });
});

describe("a stored file", () => {
  const golden = goldenSegment(17, "middle");
  const head = golden.bytes.slice(0, 8192);
  const systemIdentifier = new DataView(head.buffer).getBigUint64(24, true);

  test("of this server is taken", () => {
    checkServersJournal(golden.name, head, { systemIdentifier, walSegmentBytes: MIB });
  });

  test.each([
    ["another system", { systemIdentifier: systemIdentifier + 1n, walSegmentBytes: MIB }],
    ["another segment size", { systemIdentifier, walSegmentBytes: 16 * MIB }],
  ])("of %s is refused", (_what, facts) => {
    expect(() => checkServersJournal(golden.name, head, facts)).toThrow(InvalidJournalError);
  });

  test("that is empty, cut short, misnamed or no WAL is refused", () => {
    const facts = { systemIdentifier, walSegmentBytes: MIB };
    for (const bytes of [new Uint8Array(0), head.slice(0, 39), new Uint8Array(8192)]) {
      expect(() => checkServersJournal(golden.name, bytes, facts)).toThrow(InvalidJournalError);
    }
    const other = "0000000100000000000000FF";
    expect(() => checkServersJournal(other, head, facts)).toThrow(InvalidJournalError);
    expect(() => checkServersJournal("00000002.history", head, facts)).toThrow(InvalidJournalError);
  });
});
