import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { StorageDriver } from "../driver.ts";
import type { Observer } from "../wrap/observed.ts";
import { type Aliveness, type AverageRules, averaged, checked } from "./aliveness.ts";
import type { StatusFile } from "./status-file.ts";

/** A status that did not change is written anew so seldom: runs follow each other closely. */
const REFRESH_MS = 5 * 60_000;

export interface HealthOptions {
  /** undefined: there is no home to keep one in. */
  readonly file: StatusFile | undefined;
  /** How long what was found out counts. */
  readonly lifetimeMs: number;
  readonly averages: AverageRules;
  /** Throws when the storage does not work. */
  readonly probe: (driver: StorageDriver, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A storage, by the key under which what is known of it is kept. */
export interface WatchedStorage {
  readonly name: string;
  readonly key: string;
  readonly driver: StorageDriver;
}

/**
 * Which storages are alive: known from earlier runs, from checks, and from how the requests of
 * this run ended.
 */
export class StorageHealth {
  readonly #options: HealthOptions;
  readonly #before: ReadonlyMap<string, Aliveness>;
  readonly #found = new Map<string, Aliveness>();
  readonly #work = new Map<string, { attempted: number; succeeded: number }>();
  readonly #reasons = new Map<string, string>();

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#before = options.file?.read() ?? new Map();
  }

  /** undefined: this run did not find out, nor one recently enough. */
  isAlive(key: string): boolean | undefined {
    const found = this.#found.get(key);
    if (found !== undefined) return found.isAlive;
    const known = this.#before.get(key);
    if (known === undefined) return undefined;
    const ageMs = this.#options.clock.now().getTime() - known.updatedMs;
    // A time to come is of a clock that was set back since.
    return ageMs < 0 || ageMs >= this.#options.lifetimeMs ? undefined : known.isAlive;
  }

  /** Why a storage that this run found dead is. */
  reason(key: string): string {
    return this.#reasons.get(key) ?? "an earlier run found it dead";
  }

  observer(key: string): Observer {
    const work = { attempted: 0, succeeded: 0 };
    this.#work.set(key, work);
    return (weight, isDone) => {
      work.attempted += weight;
      if (isDone) work.succeeded += weight;
    };
  }

  /** Asks storages, all at once; what fails is dead from now on. */
  async check(storages: readonly WatchedStorage[], signal: AbortSignal): Promise<void> {
    await Promise.all(
      storages.map(async (storage) => {
        try {
          await this.#options.probe(storage.driver, signal);
        } catch (error) {
          signal.throwIfAborted();
          this.#options.log.warning(`storage ${storage.name} is dead: ${messageOf(error)}`);
          this.found(storage.key, { isAlive: false, reason: messageOf(error) });
          return;
        }
        this.found(storage.key, { isAlive: true });
      }),
    );
  }

  /** What a check, or a request that is as good as one, says. */
  found(key: string, result: { readonly isAlive: boolean; readonly reason?: string }): void {
    const { isAlive, reason } = result;
    this.#found.set(key, checked(isAlive, this.#options.clock.now().getTime()));
    // It was in the requests that led to this.
    const work = this.#work.get(key);
    if (work !== undefined) Object.assign(work, { attempted: 0, succeeded: 0 });
    if (reason !== undefined) this.#reasons.set(key, reason);
  }

  /** At the end of a run: leaves to the next ones what changed. */
  flush(): void {
    const { file, averages, clock, log } = this.#options;
    const now = clock.now();
    const changes = new Map(this.#found);
    for (const [key, work] of this.#work) {
      const known = this.#found.get(key) ?? this.#before.get(key);
      if (known === undefined || this.isAlive(key) === undefined || work.attempted === 0) continue;
      const after = averaged(known, { work, nowMs: now.getTime() }, averages);
      const isOld = now.getTime() - known.updatedMs >= REFRESH_MS;
      if (after.average !== known.average || isOld) changes.set(key, after);
    }
    if (file === undefined || changes.size === 0) return;
    try {
      file.update(changes, now);
    } catch (error) {
      log.warning(`what is known of the storages is not kept: ${messageOf(error)}`);
    }
  }
}
