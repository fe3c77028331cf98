// The lock, the plan and the notes of the process that stores ahead: each counts for its own
// settings, and what a killed process left is replaced.
import { mkdtempSync, readdirSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AheadRun } from "../../../../src/database/postgres/ahead-run.ts";

const A = "00000001000000000000000A";
const B = "00000001000000000000000B";
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ahead-run-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const run = (fingerprint = "own") => new AheadRun(join(directory, "walg_data"), fingerprint);

test("one holder of the lock at a time", async () => {
  using lock = await run().lock();
  expect(lock?.isInPlace()).toBe(true);
  expect(await run().lock()).toBeUndefined();
});

test("intends what the plan names, for the same settings, until its end", async () => {
  using lock = await run().lock();
  expect(lock).toBeDefined();
  expect(run().hasPlan).toBe(false);
  expect(run().plan()).toBeUndefined();
  run().begin([A, B]);
  expect(run().plan()).toEqual({ fingerprint: "own", names: [A, B] });
  expect(run().intends(B)).toBe(true);
  expect(run("other").intends(B)).toBe(false);
  expect(run().intends("own")).toBe(false);
  run("other").begin([A]);
  expect(run().intends(A)).toBe(false);
  run().end();
  expect(run().hasPlan).toBe(false);
  expect(readdirSync(join(directory, "walg_data"))).toEqual(["wal-push.lock"]);
});

test("a damaged plan intends nothing", async () => {
  using lock = await run().lock();
  expect(lock).toBeDefined();
  for (const content of ["", "own", "\0\0", `${A}\n`]) {
    writeFileSync(join(directory, "walg_data", "wal-push.plan"), content);
    expect(run().intends(A)).toBe(false);
  }
});

test("what the process had to say is told once", async () => {
  using lock = await run().lock();
  expect(lock).toBeDefined();
  expect(run().takeNotes()).toEqual([]);
  {
    using notes = run().openNotes();
    writeSync(notes.descriptor, "ERROR: one\nHINT: two\n");
  }
  expect(run().takeNotes()).toEqual(["ERROR: one", "HINT: two"]);
  expect(run().takeNotes()).toEqual([]);
  using notes = run().openNotes();
  expect(notes.descriptor).toBeGreaterThan(2);
  expect(run().takeNotes()).toEqual([]);
});
