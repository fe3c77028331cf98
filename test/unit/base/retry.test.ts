// Proves which errors are repeated, how often, and how long is waited, with a recorded clock.
import { describe, expect, test } from "vitest";
import { ToolError } from "../../../src/base/errors.ts";
import { doublingCeiling, type RetryPolicy, retryTransient } from "../../../src/base/retry.ts";

const NEVER = new AbortController().signal;

function failure(isTransient: boolean): ToolError {
  return new ToolError({ code: "storage", message: "it failed", isTransient });
}

function policyOf(options: {
  random: number;
  floorMs?: number;
}): RetryPolicy & { waits: number[] } {
  const waits: number[] = [];
  return {
    attemptsMax: 4,
    ceilingMs: (attempt) => doublingCeiling(attempt, 100, 350),
    floorMs: () => options.floorMs ?? 0,
    clock: {
      now: () => new Date(0),
      monotonicMs: () => 0,
      async sleep(delayMs, signal) {
        signal.throwIfAborted();
        waits.push(delayMs);
      },
    },
    random: () => options.random,
    onRetry: () => {},
    waits,
  };
}

describe("retryTransient", () => {
  test("repeats a transient error until it succeeds, and numbers the attempts", async () => {
    const policy = policyOf({ random: 0.5 });
    const attempts: number[] = [];
    const result = await retryTransient(policy, NEVER, async (attempt) => {
      attempts.push(attempt);
      if (attempt < 3) throw failure(true);
      return "done";
    });
    expect(result).toBe("done");
    expect(attempts).toEqual([1, 2, 3]);
    expect(policy.waits).toEqual([50, 100]);
  });

  test("throws the last error as it was when the attempts are spent", async () => {
    const policy = policyOf({ random: 0.999_999 });
    const errors: ToolError[] = [];
    const work = retryTransient(policy, NEVER, async () => {
      errors.push(failure(true));
      throw errors.at(-1);
    });
    const thrown = await work.catch((error: unknown) => error);
    expect(errors).toHaveLength(4);
    expect(thrown).toBe(errors[3]);
    expect(policy.waits).toEqual([100, 200, 350]);
  });

  test("begins no attempt after the end, and throws the error that it has", async () => {
    const policy = policyOf({ random: 0.5 });
    const told: number[] = [];
    const work = retryTransient(
      {
        ...policy,
        attemptsMax: 1000,
        endMs: 160,
        clock: {
          ...policy.clock,
          monotonicMs: () => policy.waits.reduce((sum, delayMs) => sum + delayMs, 0),
        },
        onRetry: ({ delayMs }) => told.push(delayMs),
      },
      NEVER,
      async (attempt) => {
        throw new ToolError({ code: "storage", message: `call ${attempt}`, isTransient: true });
      },
    );
    await expect(work).rejects.toThrow("call 3");
    expect(policy.waits).toEqual([50, 100]);
    expect(told).toEqual([50, 100]);
  });

  test("repeats neither a lasting error nor one of the runtime", async () => {
    const policy = policyOf({ random: 0.5 });
    for (const error of [failure(false), new TypeError("a bug")]) {
      let calls = 0;
      const work = retryTransient(policy, NEVER, async () => {
        calls += 1;
        throw error;
      });
      await expect(work).rejects.toBe(error);
      expect(calls).toBe(1);
    }
    expect(policy.waits).toEqual([]);
  });

  test("never waits less than the service asked for", async () => {
    const policy = policyOf({ random: 0, floorMs: 7000 });
    await retryTransient(policy, NEVER, async (attempt) => {
      if (attempt === 1) throw failure(true);
    });
    expect(policy.waits).toEqual([7000]);
  });

  test("an aborted signal ends it with the signal's reason", async () => {
    const stop = new AbortController();
    const reason = new Error("stopped");
    const work = retryTransient(policyOf({ random: 0.5 }), stop.signal, async () => {
      stop.abort(reason);
      throw failure(true);
    });
    await expect(work).rejects.toBe(reason);
  });
});
