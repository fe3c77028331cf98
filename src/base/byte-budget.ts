/** A lease on some of the budget's bytes; disposing gives them back. */
export interface ByteLease extends Disposable {
  readonly sizeBytes: number;
}

/**
 * Bytes that all part buffers of a process share. Waiters are served in order; a request above
 * the whole budget is served alone, when nothing else is leased.
 */
export class ByteBudget {
  readonly totalBytes: number;
  #leasedBytes = 0;
  readonly #waiters: { readonly sizeBytes: number; readonly grant: () => void }[] = [];

  constructor(totalBytes: number) {
    this.totalBytes = totalBytes;
  }

  async lease(sizeBytes: number, signal: AbortSignal): Promise<ByteLease> {
    signal.throwIfAborted();
    if (this.#waiters.length > 0 || !this.#fits(sizeBytes)) await this.#wait(sizeBytes, signal);
    else this.#leasedBytes += sizeBytes;
    let isReleased = false;
    return {
      sizeBytes,
      [Symbol.dispose]: () => {
        if (isReleased) return;
        isReleased = true;
        this.#leasedBytes -= sizeBytes;
        this.#serve();
      },
    };
  }

  #fits(sizeBytes: number): boolean {
    return this.#leasedBytes === 0 || this.#leasedBytes + sizeBytes <= this.totalBytes;
  }

  #wait(sizeBytes: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter = {
        sizeBytes,
        grant: () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      const onAbort = () => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(signal.reason);
        this.#serve();
      };
      this.#waiters.push(waiter);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  #serve(): void {
    for (let first = this.#waiters[0]; first !== undefined; first = this.#waiters[0]) {
      if (!this.#fits(first.sizeBytes)) return;
      this.#waiters.shift();
      this.#leasedBytes += first.sizeBytes;
      first.grant();
    }
  }
}
