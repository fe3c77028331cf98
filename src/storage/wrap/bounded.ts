import type { StorageDriver } from "../driver.ts";
import { StorageUnavailableError } from "../errors.ts";

/**
 * Bounds how long an answer about names and sizes may take, repetitions included: a storage that
 * hangs must not hold up what another one has. Content takes the time that it takes.
 */
export function bounded(driver: StorageDriver, timeoutMs: number): StorageDriver {
  const limit = (signal: AbortSignal) => ({ storage: driver.name, timeoutMs, signal });
  return {
    name: driver.name,
    traits: driver.traits,
    put: (key, body, options) => driver.put(key, body, options),
    get: (key, options) => driver.get(key, options),
    stat: (key, signal) => answerWithin(limit(signal), (limited) => driver.stat(key, limited)),
    async *list(prefix, options) {
      const patience = new Patience(limit(options.signal));
      try {
        patience.begin();
        for await (const info of driver.list(prefix, { ...options, signal: patience.signal })) {
          patience.end();
          yield info;
          // Of each step, as the whole may be long.
          patience.begin();
        }
      } catch (error) {
        throw patience.errorFor(error);
      } finally {
        patience.end();
      }
    },
    listFolder: (folder, signal) =>
      answerWithin(limit(signal), (limited) => driver.listFolder(folder, limited)),
    delete: (keys, signal) => driver.delete(keys, signal),
    close: () => driver.close(),
  };
}

interface Limit {
  readonly storage: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Throws `StorageUnavailableError` when the work, which its signal ends, takes too long. */
export async function answerWithin<T>(
  limit: Limit,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const patience = new Patience(limit);
  patience.begin();
  try {
    return await work(patience.signal);
  } catch (error) {
    throw patience.errorFor(error);
  } finally {
    patience.end();
  }
}

/** Runs out when nobody ends it in time; its signal then ends the work. */
class Patience {
  readonly signal: AbortSignal;
  readonly #limit: Limit;
  readonly #stop = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(limit: Limit) {
    this.#limit = limit;
    this.signal = AbortSignal.any([limit.signal, this.#stop.signal]);
  }

  begin(): void {
    this.#timer = setTimeout(() => this.#stop.abort(), this.#limit.timeoutMs);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  errorFor(error: unknown): unknown {
    if (!this.#stop.signal.aborted || this.#limit.signal.aborted) return error;
    const { storage, timeoutMs } = this.#limit;
    const detail = `no answer within ${timeoutMs / 1000} s`;
    return new StorageUnavailableError({ storage, detail, cause: error });
  }
}
