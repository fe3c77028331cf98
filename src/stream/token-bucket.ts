import type { Clock } from "../base/clock.ts";

/** Bytes a second that all who share it may move together. */
export interface RateLimit {
  readonly bytesPerSecond: number;
  /** Resolves when so many more bytes may pass; callers are served in the order of their calls. */
  take(bytes: number, signal: AbortSignal): Promise<void>;
}

/**
 * Time that was lost (a disk or a server was slow, the processor busy) may be made up for later,
 * but no more than this: after a long pause there is no burst.
 */
const CREDIT_MS = 250;
/** Shorter waits than timers keep are left out; the next ones are longer for it. */
const WAIT_MS_MIN = 5;

/**
 * A token bucket, kept as the instant at which it will be empty of debt: it starts without
 * tokens, so that no transfer as a whole is faster than its rate.
 */
export class TokenBucket implements RateLimit {
  readonly bytesPerSecond: number;
  readonly #clock: Clock;
  #freeAtMs: number | undefined;

  constructor(bytesPerSecond: number, clock: Clock) {
    this.bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
  }

  async take(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const nowMs = this.#clock.monotonicMs();
    const freeAtMs = Math.max(this.#freeAtMs ?? nowMs, nowMs - CREDIT_MS);
    this.#freeAtMs = freeAtMs + (bytes / this.bytesPerSecond) * 1000;
    const waitMs = this.#freeAtMs - nowMs;
    if (waitMs >= WAIT_MS_MIN) await this.#clock.sleep(waitMs, signal);
  }
}
