// The server's queue: what waits and in which order, marks that count once and for one storage,
// and `.ready` renamed to `.done` where that is asked for.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WalQueue } from "../../../../src/database/postgres/wal-queue.ts";
import { goldenSegment } from "../../../support/golden-wal.ts";

const A = "00000001000000000000000A";
const B = "00000001000000000000000B";
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "wal-queue-"));
  mkdirSync(join(directory, "archive_status"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function status(...names: readonly string[]): void {
  for (const name of names) writeFileSync(join(directory, "archive_status", name), "");
}

function queue(renamesReady = false): WalQueue {
  const found = WalQueue.beside(join(directory, A), { owner: {}, renamesReady });
  if (found === undefined) throw new Error("no queue");
  return found;
}

test("there is none outside of pg_wal", () => {
  rmSync(join(directory, "archive_status"), { recursive: true });
  const options = { owner: {}, renamesReady: false };
  expect(WalQueue.beside(join(directory, A), options)).toBeUndefined();
});

test("histories come first, then the oldest; other names and finished ones do not count", () => {
  status(`${B}.ready`, `${A}.ready`, "00000002.history.ready", "junk.ready", `${B}.partial.ready`);
  status("000000010000000000000009.done", `${A}.00000028.backup.ready`);
  expect(queue().waiting("")).toEqual([
    "00000002.history",
    A,
    `${A}.00000028.backup`,
    B,
    `${B}.partial`,
  ]);
  expect(queue().waiting(A)).not.toContain(A);
  expect(queue().waitingSegmentCount()).toBe(2);
});

test("a marked file no longer waits; its mark counts once, for its storage", () => {
  status(`${A}.ready`, `${B}.ready`);
  queue().mark(B, "file:///repo");
  expect(queue().waiting("")).toEqual([A]);
  expect(queue().takeMark(B, "file:///repo")).toBe(true);
  expect(queue().takeMark(B, "file:///repo")).toBe(false);
  queue().mark(B, "file:///repo");
  expect(queue().takeMark(B, "file:///other")).toBe(false);
  expect(readdirSync(join(directory, "walg_data", "walg_archive_status"))).toEqual([]);
});

test("with PG_READY_RENAME the server is told by .done", () => {
  status(`${A}.ready`, `${B}.ready`);
  queue(true).mark(B, "file:///repo");
  expect(readdirSync(join(directory, "archive_status")).sort()).toEqual([
    `${A}.ready`,
    `${B}.done`,
  ]);
  expect(existsSync(join(directory, "walg_data"))).toBe(false);
});

test("opens what waits, checked", async () => {
  const golden = goldenSegment(15, "middle");
  writeFileSync(join(directory, golden.name), golden.bytes);
  using file = await queue().open(golden.name);
  expect(file).toMatchObject({ name: golden.name, sizeBytes: 1 << 20, isIrreplaceable: false });
  writeFileSync(join(directory, "00000002.history"), "1\t0/1\tx\n");
  using history = await queue().open("00000002.history");
  expect(history.isIrreplaceable).toBe(true);
  writeFileSync(join(directory, B), golden.bytes);
  const other = B === golden.name ? A : B;
  writeFileSync(join(directory, other), golden.bytes);
  await expect(queue().open(other)).rejects.toThrow(/holds WAL from/);
});

test("one holder of the lock at a time", async () => {
  using lock = await queue().lock();
  expect(lock).toBeDefined();
  expect(await queue().lock()).toBeUndefined();
});
