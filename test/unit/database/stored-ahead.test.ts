// A call waits for a file exactly while somebody at work intends to store it: not for plans that
// a killed process left, nor for ever. With real locks, and a clock that the test turns.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Clock } from "../../../src/base/clock.ts";
import { WalQueue } from "../../../src/database/postgres/wal-queue.ts";
import { takeStored } from "../../../src/database/stored-ahead.ts";
import { recordingLogger } from "../../support/memory-repository.ts";

const A = "00000001000000000000000A";
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "stored-ahead-"));
  mkdirSync(join(directory, "archive_status"));
  writeFileSync(join(directory, A), "content");
  writeFileSync(join(directory, "archive_status", `${A}.ready`), "");
});
afterEach(() => rmSync(directory, { recursive: true }));

function queueOf(renamesReady = false): WalQueue {
  const queue = WalQueue.beside(join(directory, A), { fingerprint: "own", renamesReady });
  if (queue === undefined) throw new Error("no queue");
  return queue;
}

/** Each sleep takes a second, and runs what the test wants to happen meanwhile. */
function turnedClock(onSleep: (sleeps: number) => void): Clock & { sleeps(): number } {
  let sleeps = 0;
  return {
    now: () => new Date(0),
    monotonicMs: () => sleeps * 1000,
    sleep: async (_, signal) => {
      signal.throwIfAborted();
      sleeps += 1;
      onSleep(sleeps);
    },
    sleeps: () => sleeps,
  };
}

const take = (queue: WalQueue, clock: Clock, signal = new AbortController().signal) => {
  const { log, lines } = recordingLogger();
  return takeStored(queue, A, { clock, log, signal }).then((isStored) => ({ isStored, lines }));
};
const never = () => {
  throw new Error("it waited");
};

test("a mark is taken at once; without plan or lock nothing is waited for", async () => {
  const queue = queueOf();
  expect(await take(queue, turnedClock(never))).toEqual({ isStored: false, lines: [] });
  queue.mark(A);
  expect(await take(queue, turnedClock(never))).toEqual({ isStored: true, lines: [] });
  {
    using lock = await queue.ahead.lock();
    expect(lock).toBeDefined();
    // At work, but on something else.
    queue.ahead.begin(["00000001000000000000000B"]);
    expect((await take(queue, turnedClock(never))).isStored).toBe(false);
    queue.ahead.begin([A]);
  }
  // What intended it was killed.
  expect((await take(queue, turnedClock(never))).isStored).toBe(false);
});

test.each([false, true])("waits until it is stored (renamed: %s)", async (renamesReady) => {
  const queue = queueOf(renamesReady);
  using lock = await queue.ahead.lock();
  expect(lock).toBeDefined();
  queue.ahead.begin([A]);
  const clock = turnedClock((sleeps) => {
    if (sleeps === 15) queue.mark(A);
  });
  const { isStored, lines } = await take(queue, clock);
  expect(isStored).toBe(true);
  expect(clock.sleeps()).toBe(15);
  expect(lines).toEqual([`info: WAL file ${A}: waiting for the process that stores ahead`]);
  // Whatever way it was told, the server finds what it looks for after a success.
  expect(queue.isWaiting(A)).toBe(true);
});

test.each(["the lock", "the plan"])("stops waiting when %s is gone", async (what) => {
  const queue = queueOf();
  const lock = await queue.ahead.lock();
  queue.ahead.begin([A]);
  const clock = turnedClock((sleeps) => {
    if (sleeps !== 3) return;
    if (what === "the lock") lock?.[Symbol.dispose]();
    else queue.ahead.end();
  });
  expect((await take(queue, clock)).isStored).toBe(false);
  expect(clock.sleeps()).toBeLessThan(60);
  if (what === "the plan") lock?.[Symbol.dispose]();
});

test("a process that hangs is not waited for longer than five minutes, and is named", async () => {
  const queue = queueOf();
  using lock = await queue.ahead.lock();
  expect(lock).toBeDefined();
  queue.ahead.begin([A]);
  const clock = turnedClock(() => {});
  const { isStored, lines } = await take(queue, clock);
  expect(isStored).toBe(false);
  expect(clock.sleeps()).toBe(301);
  expect(lines.join()).toContain("does not get on with it");
});

test("a stop signal ends the waiting", async () => {
  const queue = queueOf();
  using lock = await queue.ahead.lock();
  expect(lock).toBeDefined();
  queue.ahead.begin([A]);
  const stop = new AbortController();
  const clock = turnedClock(() => stop.abort(new Error("stop")));
  await expect(take(queue, clock, stop.signal)).rejects.toThrow("stop");
});
