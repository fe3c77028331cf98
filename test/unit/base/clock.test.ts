// Proves that the system's clock moves forward and that its sleep ends early when aborted.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";

const HOUR_MS = 3_600_000;

test("the wall clock is the system's, and the other never steps back", () => {
  expect(Math.abs(SYSTEM_CLOCK.now().getTime() - Date.now())).toBeLessThan(HOUR_MS);
  const first = SYSTEM_CLOCK.monotonicMs();
  expect(SYSTEM_CLOCK.monotonicMs()).toBeGreaterThanOrEqual(first);
});

test("sleep resolves", async () => {
  await SYSTEM_CLOCK.sleep(1, new AbortController().signal);
});

test("an abort ends a sleep with the signal's reason", async () => {
  const controller = new AbortController();
  const sleeping = SYSTEM_CLOCK.sleep(HOUR_MS, controller.signal);
  controller.abort(new Error("woken"));
  await expect(sleeping).rejects.toThrow("woken");
});

test("an aborted signal is not slept for at all", async () => {
  const signal = AbortSignal.abort(new Error("late"));
  await expect(SYSTEM_CLOCK.sleep(HOUR_MS, signal)).rejects.toThrow("late");
});
