// When a record is proven and why it is not, by a scripted server: versions, settings, holes,
// waits (test/conformance/postgres-wal-summaries.test.ts does it with real ones).
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Clock, SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { SILENT_LOGGER } from "../../../../src/base/log.ts";
import type { ServerFacts } from "../../../../src/database/postgres/session.ts";
import {
  findBySummaries,
  type SummaryRequest,
} from "../../../../src/database/postgres/summary-finder.ts";
import { DatabaseError } from "../../../../src/database/postgres/wire/server-error.ts";
import { formatLsn, toLsn } from "../../../../src/delta/lsn.ts";
import { formatWalSummaryName } from "../../../../src/delta/wal-summary-name.ts";
import { makeScratch } from "../../../support/scratch.ts";

type Row = readonly (string | null)[];

const FACTS: ServerFacts = {
  versionNumber: 170_010,
  majorVersion: 17,
  systemIdentifier: 1n,
  isInRecovery: false,
  dataDirectory: undefined,
  walSegmentBytes: 16 << 20,
  blockBytes: 8192,
  walBlockBytes: 8192,
  hasDataChecksums: true,
  logsHints: false,
};

interface Script {
  readonly facts?: Partial<ServerFacts>;
  readonly settings?: Readonly<Record<string, string>>;
  /** Up to where the server has made summaries, each time that it is asked; the last one stays. */
  readonly summarized?: readonly number[];
  /** Start of the first one. */
  readonly from?: number;
  readonly failure?: Error;
}

/** Summaries reach from `from` to what was last said to be summarized. */
class ScriptedServer {
  readonly facts: ServerFacts;
  asked = 0;
  slept = 0;
  readonly #script: Script;
  #summarized = 0;

  constructor(script: Script) {
    this.#script = script;
    this.facts = { ...FACTS, ...script.facts };
  }

  async showSettings(): Promise<ReadonlyMap<string, string>> {
    const { settings = {} } = this.#script;
    const all = { segment_size: "131072", summarize_wal: "on", ...settings };
    return new Map(Object.entries(all));
  }

  async query(): Promise<readonly Row[]> {
    const { summarized = [30] } = this.#script;
    this.#summarized = summarized[Math.min(this.asked, summarized.length - 1)] ?? 0;
    this.asked += 1;
    return [[lsnText(this.#summarized)]];
  }

  async *rows(sql: string): AsyncGenerator<Row> {
    const { from = 10, failure } = this.#script;
    if (sql.includes("pg_available_wal_summaries")) {
      if (this.#summarized > from) yield ["1", lsnText(from), lsnText(this.#summarized)];
      return;
    }
    if (failure !== undefined) throw failure;
    yield ["1663", "5", "9", "f", "3"];
  }

  find(change: Partial<SummaryRequest> = {}) {
    let nowMs = 0;
    const clock: Clock = {
      ...SYSTEM_CLOCK,
      monotonicMs: () => nowMs,
      sleep: async (delayMs) => {
        nowMs += delayMs;
        this.slept += 1;
      },
    };
    return findBySummaries({
      session: this,
      dataDir: undefined,
      parent: { timeline: 1, startLsn: toLsn(10n) },
      start: { timeline: 1, startLsn: toLsn(30n) },
      history: undefined,
      waitMs: 5_000,
      clock,
      log: SILENT_LOGGER,
      signal: new AbortController().signal,
      ...change,
    });
  }

  async reason(change: Partial<SummaryRequest> = {}): Promise<string> {
    const found = await this.find(change);
    return found.kind === "record" ? "a record" : found.reason;
  }
}

function lsnText(value: number): string {
  return formatLsn(toLsn(BigInt(value)));
}

test("the record is what summaries say, by SQL where the directory cannot be read", async () => {
  for (const dataDir of [undefined, "/nowhere"]) {
    const found = await new ScriptedServer({}).find({ dataDir });
    if (found.kind !== "record") throw new Error(found.reason);
    const relation = { tablespace: 1663, database: 5, relation: 9 };
    const file = { ...relation, path: "base/5/9", fork: "main", segment: 0 } as const;
    expect(found.summaries).toBe(1);
    expect(found.record.finder).toBe("wal-summaries");
    expect(found.record.changedBlocks(file, 10)).toEqual(new Uint32Array([3]));
  }
});

test.each([
  ["an old server", { facts: { majorVersion: 16 } }, "PostgreSQL 16 makes no WAL summaries"],
  ["other files", { settings: { segment_size: "65536" } }, /not cut into files of 1 GiB/],
  ["a hole at the start", { from: 11 }, "no WAL summary tells of timeline 1 from 0/A to 0/1E"],
  [
    "a server that makes none",
    { settings: { summarize_wal: "off" }, summarized: [0] },
    "no WAL summary tells of timeline 1 from 0/A to 0/1E, and summarize_wal is off",
  ],
] as const)("%s is a reason, at once", async (_what, script, reason) => {
  const server = new ScriptedServer(script);
  const given = await server.reason();
  if (typeof reason === "string") expect(given).toBe(reason);
  else expect(given).toMatch(reason);
  expect(server.slept).toBe(0);
});

test("a summary that goes between the listing and the reading is a reason", async () => {
  using scratch = makeScratch("summaries");
  const folder = join(scratch.path, "pg_wal", "summaries");
  mkdirSync(folder, { recursive: true });
  const range = { timeline: 1, startLsn: toLsn(10n), endLsn: toLsn(30n) };
  const path = join(folder, formatWalSummaryName(range));
  // A link to nowhere is listed and cannot be opened.
  symlinkSync("removed", path);
  expect(await new ScriptedServer({}).reason({ dataDir: scratch.path })).toBe(
    `${path}: could not open (ENOENT)`,
  );
});

test("a summarizer on its way is waited for", async () => {
  const server = new ScriptedServer({ summarized: [0, 15, 15, 29, 30] });
  expect(await server.reason()).toBe("a record");
  expect(server.slept).toBe(4);
});

test("a summarizer that comes too late is not", async () => {
  const server = new ScriptedServer({ summarized: [15] });
  expect(await server.reason()).toBe(
    "no WAL summary tells of timeline 1 from 0/F to 0/1E: " +
      "after 5 s the server has summarized up to 0/F",
  );
  expect(server.slept).toBe(50);
});

test("a parent that is not on the way is a reason before the server is asked", async () => {
  const server = new ScriptedServer({});
  const parent = { timeline: 2, startLsn: toLsn(10n) };
  expect(await server.reason({ parent })).toMatch(/does not lead to 1/);
  expect(server.asked).toBe(0);
});

test("what the server refuses is a reason; a lost server and a bug are not", async () => {
  const report = {
    severity: "ERROR",
    sqlState: "58P01",
    message: "could not open file",
    detail: undefined,
    hint: undefined,
  };
  const refused = DatabaseError.ofReport("db:5432", report);
  expect(await new ScriptedServer({ failure: refused }).reason()).toBe(refused.message);
  for (const failure of [new DatabaseError("the connection is gone"), new TypeError("a bug")]) {
    await expect(new ScriptedServer({ failure }).reason()).rejects.toThrow(failure);
  }
});

test("an interrupt is no reason", async () => {
  const stop = new AbortController();
  const server = new ScriptedServer({ summarized: [15] });
  const clock: Clock = {
    ...SYSTEM_CLOCK,
    sleep: async () => {
      stop.abort(new Error("interrupted"));
      stop.signal.throwIfAborted();
    },
  };
  await expect(server.reason({ clock, signal: stop.signal })).rejects.toThrow("interrupted");
});
