import type { Clock } from "./clock.ts";
import { ToolError } from "./errors.ts";
import type { Logger } from "./log.ts";

/** How often and how long a call is repeated. Only errors that say they are transient are. */
export interface RetryPolicy {
  readonly attemptsMax: number;
  /** By the clock's `monotonicMs`: no attempt begins later. undefined: whenever it may. */
  readonly endMs?: number | undefined;
  /** The longest wait before attempt `attempt + 1`; the actual one is drawn below it. */
  ceilingMs(attempt: number, error: ToolError): number;
  /** Never waits less than this: what the service asked for. */
  floorMs(error: ToolError): number;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Told before each wait. */
  onRetry(facts: { readonly attempt: number; readonly delayMs: number; error: ToolError }): void;
}

/** Doubles from `firstMs` up to `maxMs`: the ceiling under which full jitter draws. */
export function doublingCeiling(attempt: number, firstMs: number, maxMs: number): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 30));
}

/** Between attempts at a whole object, behind the driver's own for each request. */
const OBJECT_RETRY_FIRST_MS = 1000;
const OBJECT_RETRY_MAX_MS = 60_000;

/** Attempts at an object from its start. One client and few objects: nothing to spread. */
export function wholeObjectPolicy(
  name: string,
  options: { readonly retriesMax: number; readonly clock: Clock; readonly log: Logger },
): RetryPolicy {
  const { retriesMax, clock, log } = options;
  return {
    attemptsMax: retriesMax + 1,
    ceilingMs: (attempt) => doublingCeiling(attempt, OBJECT_RETRY_FIRST_MS, OBJECT_RETRY_MAX_MS),
    floorMs: () => 0,
    clock,
    random: () => 1,
    onRetry: ({ delayMs, error }) =>
      log.warning(`${name}: ${error.message}; again in ${delayMs} ms`),
  };
}

/**
 * Runs `work` until it succeeds, fails for good, or the attempts are spent; then the last error
 * is thrown as it was. Waits with full jitter, so that many clients of one service spread out.
 */
export async function retryTransient<T>(
  policy: RetryPolicy,
  signal: AbortSignal,
  work: (attempt: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work(attempt);
    } catch (error) {
      signal.throwIfAborted();
      if (!isTransient(error) || attempt >= policy.attemptsMax) throw error;
      await backOff(policy, { attempt, error, signal });
    }
  }
}

/** Waits before the attempt after `attempt`; throws the error when that would be too late. */
export async function backOff(
  policy: RetryPolicy,
  options: { readonly attempt: number; readonly error: ToolError; readonly signal: AbortSignal },
): Promise<void> {
  const { attempt, error, signal } = options;
  const jitteredMs = policy.random() * policy.ceilingMs(attempt, error);
  const delayMs = Math.ceil(Math.max(policy.floorMs(error), jitteredMs));
  const { clock, endMs } = policy;
  if (endMs !== undefined && clock.monotonicMs() + delayMs > endMs) throw error;
  policy.onRetry({ attempt, delayMs, error });
  await clock.sleep(delayMs, signal);
}

export function isTransient(error: unknown): error is ToolError {
  return error instanceof ToolError && error.isTransient;
}
