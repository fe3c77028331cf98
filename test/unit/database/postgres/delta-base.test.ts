// Whether a parent can be built on: each thing that it may lack, each way its history may differ,
// with the words that scripts read where the backup is refused.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toBackupName } from "../../../../src/catalog/backup-name.ts";
import type { ParentBackup } from "../../../../src/database/adapter.ts";
import type { ControlFile } from "../../../../src/database/postgres/control-file.ts";
import {
  checkHistory,
  type DeltaBase,
  openDeltaBase,
  readHistory,
  UnusableParent,
} from "../../../../src/database/postgres/delta-base.ts";
import { ParentFiles } from "../../../../src/database/postgres/parent-files.ts";
import type { BackupStart } from "../../../../src/database/postgres/session.ts";
import { DatabaseError } from "../../../../src/database/postgres/wire/server-error.ts";
import { parseLsn } from "../../../../src/delta/lsn.ts";
import { bytesSource } from "../../../../src/stream/byte-stream.ts";
import type { SegmentName } from "../../../../src/wal/segment-name.ts";
import { parseTimelineHistory } from "../../../../src/wal/timeline-history.ts";

const NEVER = new AbortController().signal;
const FULL = "base_000000010000000000000002";
const CONTROL = {
  systemIdentifier: 7301234567890123456n,
  blockBytes: 8192,
  blocksPerRelationSegment: 131_072,
} as ControlFile;
const SENTINEL = {
  LSN: 0x2000028n,
  FinishLSN: 0x2000130n,
  SystemIdentifier: 7301234567890123456n,
  PgVersion: 170_005,
  StartTime: "2026-01-02T03:04:05Z",
};
const FILES =
  '{"Files":{"/PG_VERSION":{"MTime":"2026-01-01T00:00:00Z"},' +
  '"/base/5/16384":{"MTime":"2026-01-01T00:00:00Z",' +
  '"TidemarkMark":"000000000000000ai00000000000000ff"}}}';

function parentOf(
  document: Readonly<Record<string, unknown>>,
  files: string | undefined = FILES,
  name = FULL,
): ParentBackup {
  return {
    sentinel: { name: toBackupName(name), database: "postgres", document },
    depth: 3,
    document: async () => (files === undefined ? undefined : bytesSource(files).open(NEVER)),
  };
}

describe("a parent", () => {
  test("that is a full backup", async () => {
    const base = await openDeltaBase(parentOf(SENTINEL), CONTROL);
    expect(base).toMatchObject({
      parent: FULL,
      full: FULL,
      depth: 3,
      sinceLsn: 0x2000028n,
      finishLsn: 0x2000130n,
      timeline: 1,
      startedAtNs: 1_767_323_045_000_000_000n,
    });
    expect(base.files.mark("/base/5/16384")).toEqual({ state: 10n, kind: "identity", value: 255n });
    expect(base.files.mark("/PG_VERSION")).toEqual({ state: 0n, kind: "none", value: 0n });
  });

  test("that is a delta passes on its root", async () => {
    const delta = { DeltaFrom: "base_X", DeltaFullName: FULL, DeltaCount: 2, DeltaLSN: 5n };
    const name = "base_0000000A0000000000000007_D_000000010000000000000002";
    const base = await openDeltaBase(parentOf({ ...SENTINEL, ...delta }, FILES, name), CONTROL);
    expect(base).toMatchObject({ parent: name, full: FULL, timeline: 10 });
  });

  test("of the first release of WAL-G has its files in the sentinel", async () => {
    const Files = { "/PG_VERSION": { MTime: "2026-01-01T00:00:00Z" } };
    const base = await openDeltaBase(parentOf({ ...SENTINEL, Files }, ""), CONTROL);
    expect(base.files.has("/PG_VERSION")).toBe(true);
  });

  test("of another cluster is refused in WAL-G's words", async () => {
    const parent = parentOf({ ...SENTINEL, SystemIdentifier: 7301234567890123457n });
    const failure = await openDeltaBase(parent, CONTROL).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DatabaseError);
    expect((failure as Error).message).toBe(
      "Current database and database of base backup are not equal.",
    );
  });

  test.each<[string, ParentBackup, Partial<ControlFile>, string]>([
    ["without LSN", parentOf({ ...SENTINEL, LSN: null }), {}, "says no LSN"],
    ["without end", parentOf({ ...SENTINEL, FinishLSN: null }), {}, "says no LSN"],
    ["without list", { ...parentOf(SENTINEL), document: async () => undefined }, {}, "no list"],
    [
      "with a streamed backup's list",
      parentOf(SENTINEL, '{"Files":{"PG_VERSION":{"MTime":"2026-01-01T00:00:00Z"}}}'),
      {},
      "no list of files",
    ],
    ["with an empty list", parentOf(SENTINEL, "{}"), {}, "no list of files"],
    ["with a strange name", parentOf(SENTINEL, FILES, "stream_2026"), {}, "is not a name"],
    ["of large pages", parentOf(SENTINEL), { blockBytes: 32_768 }, "pages have 32768 bytes"],
    ["of small files", parentOf(SENTINEL), { blocksPerRelationSegment: 100 }, "100 blocks"],
  ])("%s cannot be built on", async (_, parent, change, words) => {
    const opening = openDeltaBase(parent, { ...CONTROL, ...change });
    await expect(opening).rejects.toThrow(UnusableParent);
    await expect(openDeltaBase(parent, { ...CONTROL, ...change })).rejects.toThrow(words);
  });
});

const baseAt = (timeline: number, finishLsn: string): DeltaBase => ({
  parent: toBackupName(FULL),
  full: toBackupName(FULL),
  depth: 1,
  sinceLsn: parseLsn("0/1"),
  timeline,
  finishLsn: parseLsn(finishLsn),
  startedAtNs: undefined,
  files: new ParentFiles(),
  pageGuard: undefined,
});

const startAt = (timeline: number, startLsn: string): BackupStart => ({
  startLsn: parseLsn(startLsn),
  timeline,
  segment: "000000010000000000000002" as SegmentName,
});

const HISTORY = "1\t0/5000000\tno recovery target specified\n2\t0/7000000\tbefore 2026\n";
const history = parseTimelineHistory(HISTORY, { timeline: 3, name: "00000003.history" });

describe("the history", () => {
  test.each([
    [1, "0/5000000"],
    [2, "0/7000000"],
    [3, "0/9000000"],
  ])("holds a parent of timeline %i that ended at %s", (timeline, finishLsn) => {
    expect(() => {
      checkHistory(baseAt(timeline, finishLsn), startAt(3, "0/9000000"), history);
    }).not.toThrow();
  });

  test.each([
    ["has left the parent's timeline before", baseAt(1, "0/5000001"), 3, "left timeline 1"],
    ["does not know the parent's timeline", baseAt(4, "0/1"), 3, "no ancestor of 3"],
    ["of the first timeline has no ancestors", baseAt(2, "0/1"), 1, "no ancestor of 1"],
  ])("that %s makes a full backup", (_, base, timeline, words) => {
    const start = startAt(timeline, "0/9000000");
    const check = () => checkHistory(base, start, timeline === 1 ? undefined : history);
    expect(check).toThrow(UnusableParent);
    expect(check).toThrow(words);
  });

  test("that nobody has proves nothing of another timeline, and is not needed for the same", () => {
    const start = startAt(3, "0/9000000");
    expect(() => checkHistory(baseAt(2, "0/1"), start, undefined)).toThrow(UnusableParent);
    expect(() => checkHistory(baseAt(3, "0/1"), start, undefined)).not.toThrow();
  });

  test("that has not come to the parent's end is refused in WAL-G's words", () => {
    const check = () => checkHistory(baseAt(3, "0/9000001"), startAt(3, "0/9000000"), history);
    expect(check).toThrow(DatabaseError);
    expect(check).toThrow(`Finish LSN of backup ${FULL} greater than current LSN`);
  });
});

describe("a history file", () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "history-"));
    mkdirSync(join(dataDir, "pg_wal"));
  });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  const read = (timeline: number, archived: string | undefined) => {
    const asked: string[] = [];
    const journal = {
      contains: async () => archived !== undefined,
      open: async () => undefined,
      read: async (name: string) => {
        asked.push(name);
        return archived === undefined ? undefined : new TextEncoder().encode(archived);
      },
    };
    const found = readHistory({ dataDir, timeline, journal, signal: NEVER });
    return { found, asked };
  };
  const write = (text: string) => writeFileSync(join(dataDir, "pg_wal/0000000A.history"), text);

  test("comes from pg_wal or from the repository", async () => {
    const archived = read(10, HISTORY);
    expect(await archived.found).toEqual({ ...history, timeline: 10 });
    expect(archived.asked).toEqual(["0000000A.history"]);
    write(HISTORY);
    expect(await read(10, undefined).found).toEqual({ ...history, timeline: 10 });
    expect(await read(10, HISTORY).found).toEqual({ ...history, timeline: 10 });
    expect(await read(11, undefined).found).toBeUndefined();
  });

  test("is not asked for on the first timeline", async () => {
    const { found, asked } = read(1, HISTORY);
    expect(await found).toBeUndefined();
    expect(asked).toEqual([]);
  });

  test("that differs from the repository's is of a cluster that was promoted apart", async () => {
    write(HISTORY);
    await expect(read(10, HISTORY.replace("5000000", "5000008")).found).rejects.toThrow(
      UnusableParent,
    );
  });
});
