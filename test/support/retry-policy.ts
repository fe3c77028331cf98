import { type Clock, SYSTEM_CLOCK } from "../../src/base/clock.ts";
import type { RetryPolicy } from "../../src/base/retry.ts";
import { StorageError } from "../../src/storage/errors.ts";

type Retry = Parameters<RetryPolicy["onRetry"]>[0];

export interface RecordingPolicy extends RetryPolicy {
  /** Every wait that was asked for. */
  readonly retries: Retry[];
}

/** Repeats without waiting (`beforeRetry` is run instead), and keeps what it was told. */
export function quickPolicy(
  attemptsMax: number,
  beforeRetry: () => Promise<unknown> = async () => {},
): RecordingPolicy {
  const retries: Retry[] = [];
  const clock: Clock = {
    ...SYSTEM_CLOCK,
    async sleep(_, signal) {
      signal.throwIfAborted();
      await beforeRetry();
    },
  };
  return {
    attemptsMax,
    ceilingMs: () => 2,
    floorMs: (error) => (error instanceof StorageError ? (error.retryAfterMs ?? 0) : 0),
    clock,
    random: () => 0.5,
    onRetry: (retry) => void retries.push(retry),
    retries,
  };
}
