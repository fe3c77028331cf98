// Summaries of a folder are listed by their names and read whole; rows of the server's functions
// say the same to a reader, and rows that no server gives are refused.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FilesystemError } from "../../../../src/base/errors.ts";
import {
  SummaryFiles,
  SummaryFunctions,
} from "../../../../src/database/postgres/summary-sources.ts";
import { DatabaseError } from "../../../../src/database/postgres/wire/server-error.ts";
import { toLsn } from "../../../../src/delta/lsn.ts";
import type { SummaryTarget } from "../../../../src/delta/wal-summary.ts";
import { parseWalSummaryName } from "../../../../src/delta/wal-summary-name.ts";
import { goldenSummaries } from "../../../support/golden-summaries.ts";
import { makeScratch } from "../../../support/scratch.ts";

type Row = readonly (string | null)[];

const { signal } = new AbortController();
const RANGE = { timeline: 1, startLsn: toLsn(0x10n), endLsn: toLsn(0x1_0000_0020n) };

function functionsOf(rows: readonly Row[], asked: string[] = []): SummaryFunctions {
  return new SummaryFunctions({
    async *rows(sql) {
      asked.push(sql);
      yield* rows;
    },
  });
}

function recorder(): { readonly told: string[]; readonly target: SummaryTarget } {
  const told: string[] = [];
  const target: SummaryTarget = {
    entry: ({ tablespace, database, relation, fork, limitBlock }) =>
      told.push(`${tablespace}/${database}/${relation}/${fork} ${limitBlock ?? "-"}`),
    block: (block) => told.push(`${block}`),
    bitmap: (chunkIndex) => told.push(`bitmap ${chunkIndex}`),
  };
  return { told, target };
}

test("files: what is named like a summary is listed, and read under its path", async () => {
  using scratch = makeScratch("summaries");
  const folder = join(scratch.path, "pg_wal", "summaries");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "temp.summary"), "half-written");
  const source = new SummaryFiles(scratch.path);
  expect(await source.list(signal)).toEqual([]);
  const [golden] = goldenSummaries();
  const range = parseWalSummaryName(golden?.name ?? "");
  if (golden === undefined || range === undefined) throw new Error("no golden summary");
  const path = join(folder, golden.name);
  writeFileSync(path, golden.bytes);
  expect(await source.list(signal)).toEqual([range]);
  const { told, target } = recorder();
  await source.read(range, target, signal);
  expect(told.length).toBeGreaterThan(10);
  writeFileSync(path, golden.bytes.subarray(1));
  await expect(source.read(range, target, signal)).rejects.toThrow(`${path}: not a whole WAL`);
  await expect(source.read(RANGE, target, signal)).rejects.toThrow(FilesystemError);
  await expect(new SummaryFiles("/nowhere").list(signal)).rejects.toThrow(FilesystemError);
});

test("SQL: ranges are listed as the server prints them", async () => {
  expect(await functionsOf([["1", "0/10", "1/20"]]).list(signal)).toEqual([RANGE]);
  await expect(functionsOf([["x", "0/10", "1/20"]]).list(signal)).rejects.toThrow(DatabaseError);
  await expect(functionsOf([["1", null, "1/20"]]).list(signal)).rejects.toThrow(/not an LSN/);
});

test("SQL: each relation begins once, with its limit block where it has one", async () => {
  const asked: string[] = [];
  const { told, target } = recorder();
  const source = functionsOf(
    [
      ["1663", "5", "0", "t", "0"],
      ["1663", "5", "9", "f", "3"],
      ["1663", "5", "9", "f", "70000"],
      ["1663", "5", "10", "t", "4"],
      ["1663", "5", "10", "f", "1"],
      ["1663", "5", "11", "t", "4294967294"],
      ["1664", "0", "11", "f", "2"],
    ],
    asked,
  );
  await source.read(RANGE, target, signal);
  expect(told).toEqual([
    "1663/5/0/0 0",
    ...["1663/5/9/0 -", "3", "70000"],
    ...["1663/5/10/0 4", "1"],
    "1663/5/11/0 4294967294",
    ...["1664/0/11/0 -", "2"],
  ]);
  expect(asked).toEqual([expect.stringContaining("(1, '0/10', '1/20') WHERE relforknumber = 0")]);
});

test.each([
  [["1663", "5", "9", "f", null]],
  [["1663", "5", "-9", "f", "1"]],
  [["1663", "5", "9", "f", "1.5"]],
  [["", "5", "9", "t", "1"]],
])("SQL: the row %j is refused", async (row) => {
  const { target } = recorder();
  await expect(functionsOf([row]).read(RANGE, target, signal)).rejects.toThrow(/for a number/);
});
