// Proves how runs move the average, and when a storage dies and lives again, with WAL-G's numbers.
import { expect, test } from "vitest";
import { averaged, checked } from "../../../../src/storage/failover/aliveness.ts";

const RULES = {
  aliveLimit: 0.99,
  deadLimit: 0.88,
  whileAlive: { min: 0.01, max: 0.05 },
  whileDead: { min: 0.1, max: 0.5 },
};
const ALL = { attempted: 1000, succeeded: 1000 };
const NONE = { attempted: 1000, succeeded: 0 };

/** The states after so many runs alike. */
function runs(start: ReturnType<typeof checked>, work: typeof ALL, count: number) {
  const states = [start];
  for (let nowMs = 1; nowMs <= count; nowMs += 1) {
    states.push(averaged(states.at(-1) ?? start, { work, nowMs }, RULES));
  }
  return states;
}

test("a check says it all", () => {
  expect(checked(true, 5)).toEqual({ isAlive: true, average: 1, updatedMs: 5 });
  expect(checked(false, 6)).toEqual({ isAlive: false, average: 0, updatedMs: 6 });
});

test("a run weighs least where the average is farthest from a change", () => {
  const first = averaged(checked(true, 0), { work: NONE, nowMs: 1 }, RULES);
  expect(first.average).toBeCloseTo(0.99, 10);
  const nearDeath = { isAlive: true, average: 0.88, updatedMs: 0 };
  const last = averaged(nearDeath, { work: NONE, nowMs: 1 }, RULES);
  expect(last).toEqual({ isAlive: false, average: 0.88 * 0.95, updatedMs: 1 });
  const revived = averaged(checked(false, 0), { work: ALL, nowMs: 1 }, RULES);
  expect(revived.average).toBeCloseTo(0.1, 10);
});

test("a storage that fails always dies after some runs, and comes back after some", () => {
  const dying = runs(checked(true, 0), NONE, 10).map(({ isAlive }) => isAlive);
  expect(dying.indexOf(false)).toBe(6);
  expect(dying.lastIndexOf(true)).toBe(5);
  const living = runs(checked(false, 0), ALL, 20).map(({ isAlive }) => isAlive);
  expect(living.indexOf(true)).toBe(11);
});

test("between the limits it stays what it was", () => {
  const between = { average: 0.95, updatedMs: 0 };
  const half = { attempted: 100, succeeded: 95 };
  for (const isAlive of [true, false]) {
    expect(averaged({ isAlive, ...between }, { work: half, nowMs: 1 }, RULES).isAlive).toBe(
      isAlive,
    );
  }
});

test("a run that asked for nothing says nothing", () => {
  const before = checked(true, 7);
  expect(averaged(before, { work: { attempted: 0, succeeded: 0 }, nowMs: 9 }, RULES)).toBe(before);
});

test("limits at the ends of the scale are limits too", () => {
  const strict = { ...RULES, aliveLimit: 0, deadLimit: 1 };
  const after = averaged(checked(true, 0), { work: NONE, nowMs: 1 }, strict);
  expect(after).toEqual({ isAlive: false, average: 0.99, updatedMs: 1 });
  const alive = averaged(checked(false, 0), { work: NONE, nowMs: 1 }, strict);
  expect(alive).toEqual({ isAlive: true, average: 0, updatedMs: 1 });
});
