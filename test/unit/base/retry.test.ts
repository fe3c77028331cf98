// Proves what is repeated, how often and how long it waits, with a clock that does not wait.
import { describe, expect, test } from "vitest";
import { ToolError } from "../../../src/base/errors.ts";
import {
  doublingCeiling,
  isTransient,
  type RetryPolicy,
  retryTransient,
} from "../../../src/base/retry.ts";

const SIGNAL = new AbortController().signal;

function passing(message: string): ToolError {
  return new ToolError({ code: "storage", message, isTransient: true });
}

function recordingPolicy(change: Partial<RetryPolicy> = {}) {
  const sleptMs: number[] = [];
  const told: number[] = [];
  const policy: RetryPolicy = {
    attemptsMax: 4,
    ceilingMs: (attempt) => doublingCeiling(attempt, 100, 1000),
    floorMs: () => 0,
    clock: {
      now: () => new Date(0),
      monotonicMs: () => 0,
      sleep: async (delayMs, signal) => {
        signal.throwIfAborted();
        sleptMs.push(delayMs);
      },
    },
    random: () => 0.5,
    onRetry: ({ attempt }) => told.push(attempt),
    ...change,
  };
  return { policy, sleptMs, told };
}

describe("retryTransient", () => {
  test("gives the result of the first attempt that succeeds", async () => {
    const { policy, sleptMs, told } = recordingPolicy();
    const result = await retryTransient(policy, SIGNAL, async (attempt) => {
      if (attempt < 3) throw passing(`attempt ${attempt}`);
      return attempt;
    });
    expect(result).toBe(3);
    expect(sleptMs).toEqual([50, 100]);
    expect(told).toEqual([1, 2]);
  });

  test("throws the last error as it was when the attempts are spent", async () => {
    const { policy, sleptMs } = recordingPolicy();
    const failing = retryTransient(policy, SIGNAL, async (attempt) => {
      throw passing(`attempt ${attempt}`);
    });
    await expect(failing).rejects.toThrow("attempt 4");
    expect(sleptMs).toHaveLength(3);
  });

  test.each([
    ["an error that will not pass", new ToolError({ code: "access-denied", message: "no" })],
    ["a bug", new TypeError("x is not a function")],
  ])("does not repeat %s", async (_, error) => {
    const { policy, sleptMs } = recordingPolicy();
    let calls = 0;
    const failing = retryTransient(policy, SIGNAL, async () => {
      calls += 1;
      throw error;
    });
    await expect(failing).rejects.toBe(error);
    expect(calls).toBe(1);
    expect(sleptMs).toEqual([]);
  });

  test("waits at least as long as the service asked for", async () => {
    const { policy, sleptMs } = recordingPolicy({ floorMs: () => 700, attemptsMax: 2 });
    const failing = retryTransient(policy, SIGNAL, async () => {
      throw passing("slow down");
    });
    await expect(failing).rejects.toThrow("slow down");
    expect(sleptMs).toEqual([700]);
  });

  test("an abort wins over the error and ends the repeating", async () => {
    const controller = new AbortController();
    const { policy, sleptMs } = recordingPolicy();
    const failing = retryTransient(policy, controller.signal, async () => {
      controller.abort(new Error("stopped"));
      throw passing("reset");
    });
    await expect(failing).rejects.toThrow("stopped");
    expect(sleptMs).toEqual([]);
  });
});

test("ceilings double up to their most, for any number of attempts", () => {
  const ceilings = [1, 2, 3, 4, 5, 1000].map((attempt) => doublingCeiling(attempt, 100, 1000));
  expect(ceilings).toEqual([100, 200, 400, 800, 1000, 1000]);
});

test("only errors of ours that say so are transient", () => {
  expect(isTransient(passing("x"))).toBe(true);
  expect(isTransient(new ToolError({ code: "storage", message: "x" }))).toBe(false);
  expect(isTransient(Object.assign(new Error("x"), { isTransient: true }))).toBe(false);
});
