import type { ByteBudget } from "../../base/byte-budget.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { RetryPolicy } from "../../base/retry.ts";

/** What every object service is opened with. */
export interface ServiceOpenOptions {
  readonly budget: ByteBudget;
  readonly log: Logger;
  readonly clock: Clock;
  readonly policy: RetryPolicy;
  /** Without a byte for so long, a request has failed. */
  readonly idleTimeoutMs: number;
}

/** How often one stream goes on after its connection broke, where no setting says it. */
export const RESUMES_MAX = 10;
/** Where each deletion is a request of its own, a batch only bounds what one repetition covers. */
export const SINGLE_DELETES_MAX = 100;

/** Loads at the first call, for all that follow. */
export function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return () => {
    loading ??= load();
    return loading;
  };
}
