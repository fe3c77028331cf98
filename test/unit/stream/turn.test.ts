// Proves that a turn lets what waits run, and that a pace gives one per so many bytes, by timers.
import { expect, test } from "vitest";
import { nextTurn, Pace } from "../../../src/stream/turn.ts";

/** Turns that others got until `work` was done. */
async function turnsDuring(work: () => Promise<void>): Promise<number> {
  let turns = 0;
  let isDone = false;
  const count = () => {
    if (isDone) return;
    turns++;
    setImmediate(count);
  };
  setImmediate(count);
  await work();
  isDone = true;
  return turns;
}

test("a turn lets what waits run, and what is there already does not", async () => {
  expect(await turnsDuring(nextTurn)).toBe(1);
  expect(await turnsDuring(() => Promise.resolve())).toBe(0);
});

test("a pace gives a turn once enough bytes have passed", async () => {
  const pace = new Pace(100);
  expect(await turnsDuring(() => pace.passed(99))).toBe(0);
  expect(await turnsDuring(() => pace.passed(1))).toBe(1);
  expect(await turnsDuring(() => pace.passed(99))).toBe(0);
  expect(await turnsDuring(() => pace.passed(5000))).toBe(1);
});
