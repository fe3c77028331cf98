import { join } from "node:path";
import { messageOf, ToolError } from "../base/errors.ts";
import type { SettingReader } from "../base/setting-reader.ts";
import type { NamedStorage } from "../config/failover-storages.ts";
import { passwdEntry } from "../config/passwd.ts";
import {
  type FindJournal,
  findFirstIn,
  findIn,
  type StorageWatch,
} from "../database/journal-lookup.ts";
import type { StorageDriver } from "../storage/driver.ts";
import { RootMissingError, StorageError } from "../storage/errors.ts";
import type { AverageRules } from "../storage/failover/aliveness.ts";
import { StorageHealth, type WatchedStorage } from "../storage/failover/health.ts";
import { probe } from "../storage/failover/probe.ts";
import { StatusFile } from "../storage/failover/status-file.ts";
import { answerWithin, bounded } from "../storage/wrap/bounded.ts";
import { isStorageFault, observed } from "../storage/wrap/observed.ts";
import { unreachable } from "../storage/wrap/unreachable.ts";
import type { Repository } from "../transfer/repository.ts";
import type { Invocation } from "./command.ts";
import {
  type Purpose,
  type RepositoryLimits,
  type RepositoryOpener,
  repositoryOpener,
} from "./context.ts";
import { storagesOf } from "./storages.ts";

/** Where to write, and where else what is to be written may lie already. */
export interface WriteTarget {
  readonly repository: Repository;
  /** In further storages, as far as they answer; undefined: there is only the one. */
  readonly elsewhere?: FindJournal;
  /** Everywhere, dead storages as well: for who waits for a file; undefined: as above. */
  readonly journal?: FindJournal;
}

/** Every storage that may have what is wanted, in the order of preference. */
export interface ReadableStorages extends AsyncDisposable {
  readonly repositories: readonly Repository[];
  readonly watch?: StorageWatch | undefined;
}

/** A storage among several. */
interface OpenStorage extends WatchedStorage {
  /** For the work itself. */
  readonly repository: Repository;
  /** The same, for questions that must not take longer than a check. */
  readonly lookup: Repository;
}

/** All storages, for a command that looks through them. Not loaded where there is only one. */
export async function openAllReadable(
  invocation: Invocation,
  limits: RepositoryLimits,
): Promise<ReadableStorages> {
  const storages = await OpenStorages.open(invocation, "read", limits);
  return {
    repositories: storages.all.map(({ lookup }) => lookup),
    watch: storages.watch(),
    [Symbol.asyncDispose]: () => storages[Symbol.asyncDispose](),
  };
}

/**
 * Works on the first storage that is alive. Where the work may be done anew, and the storage turns
 * out to have died meanwhile, it is done on the next one.
 */
export async function onFirstAlive<T>(
  invocation: Invocation,
  limits: RepositoryLimits & { readonly canMove: boolean },
  work: (target: WriteTarget) => Promise<T>,
): Promise<T> {
  const { canMove, ...rest } = limits;
  const { log, signal, settings } = invocation;
  // The server waits for its WAL to be stored, which can go on elsewhere: here it is given up soon.
  const isWal = rest.rateKey === "WAL_NETWORK_RATE_LIMIT";
  const brief = isWal ? { ...rest, retryBudgetMs: timeoutOf(settings) } : rest;
  await using storages = await OpenStorages.open(invocation, "write", brief);
  for (;;) {
    const storage = await storages.firstAlive(signal);
    try {
      return await work(storages.targetOf(storage));
    } catch (error) {
      signal.throwIfAborted();
      if (!isStorageFault(error)) throw error;
      // Also who cannot go on leaves to the next run what it found out.
      if (!(await storages.hasDied(storage, signal)) || !canMove) throw error;
      log.warning(`${messageOf(error)}; going on with another storage`);
    }
  }
}

class OpenStorages implements AsyncDisposable {
  readonly all: readonly OpenStorage[];
  readonly #invocation: Invocation;
  readonly #health: StorageHealth;
  readonly #checks: boolean;

  private constructor(
    invocation: Invocation,
    opened: { readonly all: readonly OpenStorage[]; readonly health: StorageHealth },
  ) {
    this.#invocation = invocation;
    this.all = opened.all;
    this.#health = opened.health;
    this.#checks = invocation.settings.flag("FAILOVER_STORAGES_CHECK");
  }

  static async open(
    invocation: Invocation,
    purpose: Purpose,
    limits: RepositoryLimits,
  ): Promise<OpenStorages> {
    const health = healthOf(invocation, purpose);
    const opener = await repositoryOpener(invocation, purpose, limits);
    const timeoutMs = timeoutOf(invocation.settings);
    const opening = storagesOf(invocation).map(async (storage): Promise<OpenStorage> => {
      const { name, fingerprint } = storage;
      const key = `${name}#${fingerprint}`;
      const repository = await openOrStandIn(opener, storage);
      const tell = health.observer(key);
      const within = (driver: StorageDriver) => ({ ...repository, driver: observed(driver, tell) });
      return {
        name,
        key,
        driver: repository.driver,
        repository: within(repository.driver),
        lookup: within(bounded(repository.driver, timeoutMs)),
      };
    });
    const results = await Promise.allSettled(opening);
    const all = results.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
    const storages = new OpenStorages(invocation, { all, health });
    const failed = results.find((result) => result.status === "rejected");
    if (failed === undefined) return storages;
    await storages[Symbol.asyncDispose]();
    throw failed.reason;
  }

  /** Throws when none is; without checks it is the default one, dead or alive. */
  async firstAlive(signal: AbortSignal): Promise<OpenStorage> {
    const health = this.#health;
    const first = () => {
      for (const storage of this.all) {
        if (!this.#checks) return storage;
        const isAlive = health.isAlive(storage.key);
        // What comes later counts only once this one is known to be dead.
        if (isAlive !== false) return isAlive === true ? storage : undefined;
      }
      return undefined;
    };
    const known = first();
    if (known !== undefined) return known;
    const unknown = this.all.filter(({ key }) => health.isAlive(key) === undefined);
    await health.check(unknown, signal);
    const found = first();
    if (found !== undefined) return found;
    const reasons = this.all.map(({ name, key }) => `${name} (${health.reason(key)})`);
    throw new ToolError({
      code: "storage",
      message: `no storage is alive: ${reasons.join(", ")}`,
      hint:
        "What was found out counts for WALG_FAILOVER_STORAGES_CACHE_LIFETIME; --target-storage " +
        "names one that is used without asking.",
    });
  }

  async hasDied(storage: OpenStorage, signal: AbortSignal): Promise<boolean> {
    if (!this.#checks) return false;
    await this.#health.check([storage], signal);
    return this.#health.isAlive(storage.key) === false;
  }

  targetOf(storage: OpenStorage): WriteTarget {
    return {
      repository: storage.repository,
      elsewhere: this.#elsewhere(storage, (isAlive) => isAlive !== false),
      // One that was found dead may have taken the file before, or since.
      journal: findFirstIn(
        storage.repository,
        this.#elsewhere(storage, () => true),
      ),
    };
  }

  watch(): StorageWatch | undefined {
    if (!this.#checks) return undefined;
    const health = this.#health;
    const keys = new Map(this.all.map(({ lookup, key }) => [lookup, key]));
    const keyOf = (repository: Repository) => keys.get(repository) ?? "";
    return {
      isDead: (repository) => health.isAlive(keyOf(repository)) === false,
      answered: (repository) => {
        const key = keyOf(repository);
        if (health.isAlive(key) === undefined) health.found(key, { isAlive: true });
      },
      failed: (repository, error) => {
        health.found(keyOf(repository), { isAlive: false, reason: messageOf(error) });
      },
    };
  }

  /** In all but the given one, as far as they are to be asked, and answer. */
  #elsewhere(target: OpenStorage, isAsked: (isAlive: boolean | undefined) => boolean): FindJournal {
    const health = this.#health;
    const { log } = this.#invocation;
    const others = this.all.filter((storage) => storage !== target);
    return async (name, signal) => {
      const asked = others.filter(({ key }) => isAsked(health.isAlive(key)));
      const answers = await Promise.all(
        asked.map(async (storage) => {
          try {
            return await findIn(storage.lookup)(name, signal);
          } catch (error) {
            signal.throwIfAborted();
            const isNew = health.isAlive(storage.key) !== false;
            if (isNew)
              log.warning(`storage ${storage.name} is not looked into: ${messageOf(error)}`);
            health.found(storage.key, { isAlive: false, reason: messageOf(error) });
            return [];
          }
        }),
      );
      return answers.flat();
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#checks) this.#health.flush();
    await Promise.all(this.all.map(({ driver }) => driver.close()));
  }
}

/** A storage that cannot be opened is as dead as one that does not answer. */
async function openOrStandIn(opener: RepositoryOpener, storage: NamedStorage): Promise<Repository> {
  try {
    return await opener.open(storage);
  } catch (error) {
    if (!(error instanceof StorageError || error instanceof RootMissingError)) throw error;
    return opener.around(storage.name, unreachable(storage.name, error));
  }
}

function healthOf({ settings, clock, log }: Invocation, purpose: Purpose): StorageHealth {
  const directory =
    settings.text("FAILOVER_STORAGES_CACHE_DIR") ?? passwdEntry(process.geteuid?.() ?? 0)?.home;
  const isKept = directory !== undefined && settings.flag("FAILOVER_STORAGES_CHECK");
  const access = purpose === "write" ? "rw" : "ro";
  const writeBytes =
    purpose === "write" ? (settings.whole("FAILOVER_STORAGES_CHECK_SIZE") ?? 0) : undefined;
  return new StorageHealth({
    file: isKept
      ? new StatusFile(join(directory, `.tidemark_storage_${access}_status_cache`))
      : undefined,
    lifetimeMs: settings.durationMs("FAILOVER_STORAGES_CACHE_LIFETIME") ?? 0,
    averages: averageRules(settings),
    probe: (driver, signal) => {
      const limit = { storage: driver.name, timeoutMs: timeoutOf(settings), signal };
      return answerWithin(limit, (limited) => probe(driver, { writeBytes, signal: limited }));
    },
    clock,
    log,
  });
}

function timeoutOf(settings: SettingReader): number {
  return settings.durationMs("FAILOVER_STORAGES_CHECK_TIMEOUT") ?? 0;
}

function averageRules(settings: SettingReader): AverageRules {
  const fraction = (key: string) => Number(settings.text(key));
  return {
    aliveLimit: fraction("FAILOVER_STORAGES_CACHE_EMA_ALIVE_LIMIT"),
    deadLimit: fraction("FAILOVER_STORAGES_CACHE_EMA_DEAD_LIMIT"),
    whileAlive: {
      min: fraction("FAILOVER_STORAGES_CACHE_EMA_ALPHA_ALIVE_MIN"),
      max: fraction("FAILOVER_STORAGES_CACHE_EMA_ALPHA_ALIVE_MAX"),
    },
    whileDead: {
      min: fraction("FAILOVER_STORAGES_CACHE_EMA_ALPHA_DEAD_MIN"),
      max: fraction("FAILOVER_STORAGES_CACHE_EMA_ALPHA_DEAD_MAX"),
    },
  };
}
