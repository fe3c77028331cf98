import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import type { RetryPolicy } from "../../src/base/retry.ts";
import { StorageError } from "../../src/storage/errors.ts";

/** Repeats with next to no wait, and keeps what it was told. */
export function quickPolicy(attemptsMax: number): RetryPolicy & { readonly retries: unknown[] } {
  const retries: unknown[] = [];
  return {
    attemptsMax,
    ceilingMs: () => 1,
    floorMs: (error) => (error instanceof StorageError ? (error.retryAfterMs ?? 0) : 0),
    clock: SYSTEM_CLOCK,
    random: () => 0.5,
    onRetry: (facts) => void retries.push(facts),
    retries,
  };
}
