// Proves what runs learn of storages from each other, with a clock of its own and real files.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Clock } from "../../../../src/base/clock.ts";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { StorageHealth } from "../../../../src/storage/failover/health.ts";
import { StatusFile } from "../../../../src/storage/failover/status-file.ts";
import { unreachable } from "../../../../src/storage/wrap/unreachable.ts";
import { recordingLogger } from "../../../support/memory-repository.ts";

const { signal } = new AbortController();
const MINUTE_MS = 60_000;
let folder: string;
let nowMs: number;
let broken: Set<string>;
let asked: string[];
const clock: Clock = { ...SYSTEM_CLOCK, now: () => new Date(nowMs) };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-health-"));
  nowMs = Date.parse("2026-11-24T12:00:00Z");
  broken = new Set();
  asked = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function run(path: string | undefined = join(folder, "cache")) {
  const { log, lines } = recordingLogger();
  const health = new StorageHealth({
    file: path === undefined ? undefined : new StatusFile(path),
    lifetimeMs: 15 * MINUTE_MS,
    averages: {
      aliveLimit: 0.99,
      deadLimit: 0.88,
      whileAlive: { min: 0.01, max: 0.05 },
      whileDead: { min: 0.1, max: 0.5 },
    },
    probe: async ({ name }) => {
      asked.push(name);
      if (broken.has(name)) throw new Error("no route");
    },
    clock,
    log,
  });
  return { health, lines };
}

const driver = (name: string) => unreachable(name, new Error("is not asked"));
const A = { name: "a", key: "a#1", driver: driver("a") };
const B = { name: "b", key: "b#1", driver: driver("b") };

test("tells later runs what a check found, as long as that counts", async () => {
  broken.add("b");
  const first = run();
  expect([A, B].map(({ key }) => first.health.isAlive(key))).toEqual([undefined, undefined]);
  await first.health.check([A, B], signal);
  expect(first.lines).toEqual(["warning: storage b is dead: no route"]);
  expect(first.health.reason("b#1")).toBe("no route");
  first.health.flush();
  nowMs += 15 * MINUTE_MS - 1;
  const second = run();
  expect([A, B].map(({ key }) => second.health.isAlive(key))).toEqual([true, false]);
  expect(second.health.reason("b#1")).toBe("an earlier run found it dead");
  nowMs += 1;
  expect([A, B].map(({ key }) => second.health.isAlive(key))).toEqual([undefined, undefined]);
  expect(asked.sort()).toEqual(["a", "b"]);
});

test("believes no time that is still to come", async () => {
  const first = run();
  await first.health.check([A], signal);
  first.health.flush();
  nowMs -= MINUTE_MS;
  expect(run().health.isAlive(A.key)).toBeUndefined();
});

test("lets failing requests kill a storage over several runs", async () => {
  const first = run();
  await first.health.check([A], signal);
  first.health.flush();
  const alive: (boolean | undefined)[] = [];
  for (let count = 0; count < 7; count += 1) {
    nowMs += MINUTE_MS;
    const { health } = run();
    alive.push(health.isAlive(A.key));
    const tell = health.observer(A.key);
    tell(1000, false);
    health.flush();
  }
  expect(alive).toEqual([true, true, true, true, true, true, false]);
});

test("keeps a storage known that works, and writes that seldom", async () => {
  const first = run();
  await first.health.check([A], signal);
  first.health.flush();
  const file = new StatusFile(join(folder, "cache"));
  const updated = () => file.read().get(A.key)?.updatedMs;
  const work = () => {
    const { health } = run();
    health.observer(A.key)(1000, true);
    health.flush();
  };
  const before = updated();
  nowMs += 4 * MINUTE_MS;
  work();
  expect(updated()).toBe(before);
  nowMs += MINUTE_MS;
  work();
  expect(updated()).toBe(nowMs);
});

test("says nothing of a storage that nobody checked", () => {
  const { health } = run();
  health.observer(A.key)(1000, true);
  health.flush();
  expect(new StatusFile(join(folder, "cache")).read().size).toBe(0);
});

test("a check counts for more than the requests before it", async () => {
  const { health } = run();
  const tell = health.observer(A.key);
  tell(5000, false);
  await health.check([A], signal);
  health.flush();
  expect(run().health.isAlive(A.key)).toBe(true);
});

test("goes on without a place for the file, or one that cannot be written", async () => {
  for (const path of [undefined, join(folder, "missing", "cache")]) {
    const { health, lines } = run(path);
    await health.check([A], signal);
    expect(health.isAlive(A.key)).toBe(true);
    health.flush();
    expect(lines.length).toBe(path === undefined ? 0 : 1);
  }
});

test("an interruption is no death", async () => {
  const stop = new AbortController();
  broken.add("a");
  stop.abort(new Error("stopped"));
  const { health } = run();
  await expect(health.check([A], stop.signal)).rejects.toThrow("stopped");
  expect(health.isAlive(A.key)).toBeUndefined();
});
