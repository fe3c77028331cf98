// Proves that leases never exceed the budget, are served in order, and survive cancelled waiters.
import { expect, test } from "vitest";
import { ByteBudget, type ByteLease } from "../../../src/base/byte-budget.ts";

const SIGNAL = new AbortController().signal;

/** A lease together with whether it was granted yet. */
function request(budget: ByteBudget, sizeBytes: number, signal = SIGNAL) {
  const state = { isGranted: false, lease: budget.lease(sizeBytes, signal) };
  state.lease.then(
    () => {
      state.isGranted = true;
    },
    () => undefined,
  );
  return state;
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function release(lease: ByteLease): void {
  lease[Symbol.dispose]();
}

test("grants at once what fits, and makes the rest wait for what is given back", async () => {
  const budget = new ByteBudget(100);
  const first = await budget.lease(60, SIGNAL);
  const second = await budget.lease(40, SIGNAL);
  const third = request(budget, 1);
  await settle();
  expect(third.isGranted).toBe(false);
  release(second);
  await settle();
  expect(third.isGranted).toBe(true);
  expect(first.sizeBytes).toBe(60);
});

test("serves in order: a small request does not overtake a large one", async () => {
  const budget = new ByteBudget(100);
  const holder = await budget.lease(50, SIGNAL);
  const large = request(budget, 80);
  const small = request(budget, 10);
  await settle();
  expect([large.isGranted, small.isGranted]).toEqual([false, false]);
  release(holder);
  await settle();
  expect([large.isGranted, small.isGranted]).toEqual([true, true]);
});

test("a request above the whole budget is served alone", async () => {
  const budget = new ByteBudget(100);
  const holder = await budget.lease(1, SIGNAL);
  const huge = request(budget, 1000);
  await settle();
  expect(huge.isGranted).toBe(false);
  release(holder);
  const lease = await huge.lease;
  const next = request(budget, 1);
  await settle();
  expect(next.isGranted).toBe(false);
  release(lease);
  await settle();
  expect(next.isGranted).toBe(true);
});

test("a lease that is given back twice counts once", async () => {
  const budget = new ByteBudget(100);
  const once = await budget.lease(50, SIGNAL);
  await budget.lease(50, SIGNAL);
  release(once);
  release(once);
  await budget.lease(50, SIGNAL);
  const more = request(budget, 50);
  await settle();
  expect(more.isGranted).toBe(false);
});

test("a cancelled waiter leaves the queue and lets the next one through", async () => {
  const budget = new ByteBudget(100);
  await budget.lease(50, SIGNAL);
  const controller = new AbortController();
  const large = request(budget, 80, controller.signal);
  const small = request(budget, 10);
  await settle();
  expect(small.isGranted).toBe(false);
  controller.abort(new Error("stopped"));
  await expect(large.lease).rejects.toThrow("stopped");
  await settle();
  expect(small.isGranted).toBe(true);
});

test("an aborted signal is refused before anything is leased", async () => {
  const budget = new ByteBudget(100);
  await expect(budget.lease(100, AbortSignal.abort(new Error("stopped")))).rejects.toThrow();
  await budget.lease(100, SIGNAL);
});
