// Proves the bound, the order of pulling and the way errors take, with work that ends on command.
import { describe, expect, test } from "vitest";
import { forEachConcurrently } from "../../../src/base/pool.ts";

const SIGNAL = new AbortController().signal;

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("forEachConcurrently", () => {
  test("does every item once, and never more at a time than allowed", async () => {
    const done: number[] = [];
    let running = 0;
    let runningMost = 0;
    const items = Array.from({ length: 50 }, (_, index) => index);
    await forEachConcurrently(items, { concurrencyMax: 4, signal: SIGNAL }, async (item) => {
      running += 1;
      runningMost = Math.max(runningMost, running);
      await settle();
      running -= 1;
      done.push(item);
    });
    expect(done.toSorted((a, b) => a - b)).toEqual(items);
    expect(runningMost).toBe(4);
  });

  test("pulls an item only when a worker is free for it", async () => {
    let pulled = 0;
    async function* items() {
      for (;;) yield ++pulled;
    }
    const gate = Promise.withResolvers<void>();
    const controller = new AbortController();
    const running = forEachConcurrently(
      items(),
      { concurrencyMax: 3, signal: controller.signal },
      () => gate.promise,
    );
    await settle();
    expect(pulled).toBe(3);
    controller.abort(new Error("enough"));
    gate.resolve();
    await expect(running).rejects.toThrow("enough");
    expect(pulled).toBe(3);
  });

  test("throws the first error, after it aborted and awaited the other workers", async () => {
    const events: string[] = [];
    const work = async (item: string, signal: AbortSignal) => {
      if (item === "bad") throw new Error("first");
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
      events.push(`${item} stopped`);
      throw new Error("second");
    };
    const running = forEachConcurrently(
      ["slow", "bad", "never"],
      { concurrencyMax: 2, signal: SIGNAL },
      work,
    );
    await expect(running).rejects.toThrow("first");
    expect(events).toEqual(["slow stopped"]);
  });

  test("closes a generator that was not read to its end", async () => {
    let isClosed = false;
    function* items() {
      try {
        yield 1;
        yield 2;
      } finally {
        isClosed = true;
      }
    }
    const running = forEachConcurrently(
      items(),
      { concurrencyMax: 1, signal: SIGNAL },
      async () => {
        throw new Error("stop");
      },
    );
    await expect(running).rejects.toThrow("stop");
    expect(isClosed).toBe(true);
  });

  test("an error of the items themselves comes out as it was", async () => {
    async function* items() {
      yield 1;
      throw new Error("listing broke");
    }
    const options = { concurrencyMax: 2, signal: SIGNAL };
    await expect(forEachConcurrently(items(), options, settle)).rejects.toThrow("listing broke");
  });

  test("nothing is done under an aborted signal", async () => {
    let calls = 0;
    const options = { concurrencyMax: 2, signal: AbortSignal.abort(new Error("late")) };
    const running = forEachConcurrently([1, 2], options, async () => {
      calls += 1;
    });
    await expect(running).rejects.toThrow("late");
    expect(calls).toBe(0);
  });

  test("no items are no work", async () => {
    await forEachConcurrently([], { concurrencyMax: 3, signal: SIGNAL }, async () => {
      throw new Error("not reached");
    });
  });
});
