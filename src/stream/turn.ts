/**
 * Lets timers, signals and everything else that waits run once. For loops that would keep the
 * thread to themselves: awaiting what is there already never gives it away.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** A turn for everything else after each so many bytes of work that never waits by itself. */
export class Pace {
  readonly #turnBytes: number;
  #sinceTurnBytes = 0;

  constructor(turnBytes: number) {
    this.#turnBytes = turnBytes;
  }

  async passed(sizeBytes: number): Promise<void> {
    this.#sinceTurnBytes += sizeBytes;
    if (this.#sinceTurnBytes < this.#turnBytes) return;
    this.#sinceTurnBytes = 0;
    await nextTurn();
  }
}
