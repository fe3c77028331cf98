// The server's queue: what waits and in which order, marks that count once and for one file and
// these settings, and `.ready` renamed to `.done` where that is asked for.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WalQueue } from "../../../../src/database/postgres/wal-queue.ts";

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

function queue(renamesReady = false, fingerprint = "own"): WalQueue {
  const found = WalQueue.beside(join(directory, A), { fingerprint, renamesReady });
  if (found === undefined) throw new Error("no queue");
  return found;
}

function marks(): string[] {
  return readdirSync(join(directory, "walg_data", "walg_archive_status"));
}

test("there is none outside of pg_wal", () => {
  rmSync(join(directory, "archive_status"), { recursive: true });
  const options = { fingerprint: "own", renamesReady: false };
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
  expect(queue().isWaiting(A)).toBe(true);
  expect(queue().isWaiting("000000010000000000000009")).toBe(false);
});

test("a marked file no longer waits; its mark counts once, for the same settings", () => {
  status(`${A}.ready`, `${B}.ready`);
  writeFileSync(join(directory, B), "content");
  queue().mark(B);
  expect(queue().waiting("")).toEqual([A]);
  expect(queue().takeMark(B)).toBe(true);
  expect(queue().takeMark(B)).toBe(false);
  queue().mark(B);
  expect(queue(false, "other").takeMark(B)).toBe(false);
  expect(marks()).toEqual([]);
});

test("a mark counts for the very file only: not for a copy, nor for another of that name", () => {
  status(`${B}.ready`);
  const path = join(directory, B);
  writeFileSync(path, "content");
  queue().mark(B);
  writeFileSync(`${path}.copy`, "content");
  renameSync(`${path}.copy`, path);
  expect(queue().takeMark(B)).toBe(false);
  queue().mark(B);
  rmSync(path);
  expect(queue().takeMark(B)).toBe(false);
  expect(marks()).toEqual([]);
});

test("what was archived meanwhile is not marked: nobody would take the mark away", () => {
  status(`${A}.ready`);
  writeFileSync(join(directory, B), "content");
  queue().mark(B);
  queue(true).mark(B);
  expect(existsSync(join(directory, "walg_data"))).toBe(false);
  expect(readdirSync(join(directory, "archive_status"))).toEqual([`${A}.ready`]);
});

test("with PG_READY_RENAME the server is told by .done, and finds .ready if it asked", () => {
  status(`${A}.ready`, `${B}.ready`);
  queue(true).mark(B);
  const names = () => readdirSync(join(directory, "archive_status")).sort();
  expect(names()).toEqual([`${A}.ready`, `${B}.done`]);
  expect(existsSync(join(directory, "walg_data"))).toBe(false);
  expect(queue(true).takeAsked(A)).toBe(false);
  expect(queue(false).takeAsked(B)).toBe(false);
  expect(queue(true).takeAsked(B)).toBe(true);
  expect(names()).toEqual([`${A}.ready`, `${B}.ready`]);
});
