import type { Clock } from "../../src/base/clock.ts";
import { nextTurn } from "../../src/stream/turn.ts";

/**
 * Time that passes only when everybody sleeps, and then at once: hours of waiting in a moment.
 * Sleepers wake in the order of their instants, as late as the given function says.
 */
export class VirtualClock implements Clock {
  readonly #lateMs: () => number;
  readonly #sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];
  #nowMs = 0;

  constructor(lateMs: () => number = () => 0) {
    this.#lateMs = lateMs;
  }

  now(): Date {
    return new Date(this.#nowMs);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** Work that keeps the processor, and with it everybody else, for so long. */
  advance(ms: number): void {
    this.#nowMs += ms;
  }

  sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      const atMs = this.#nowMs + delayMs + this.#lateMs();
      this.#sleepers.push({ atMs, wake: resolve });
    });
  }

  /** Lets time pass until the work is done. */
  async run<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    work.then(end, end);
    while (!isOver) {
      // What is awake does all it can before time goes on.
      await nextTurn();
      this.#sleepers.sort((left, right) => left.atMs - right.atMs);
      const next = isOver ? undefined : this.#sleepers.shift();
      if (next === undefined) continue;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.wake();
    }
    return work;
  }
}
