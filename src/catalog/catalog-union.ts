import type { DatabaseKind } from "../base/database-kind.ts";
import { ToolError, UsageError } from "../base/errors.ts";
import type { StorageDriver } from "../storage/driver.ts";
import { StorageError } from "../storage/errors.ts";
import type { BackupName } from "./backup-name.ts";
import { type BackupEntry, Catalog, compareEntries } from "./catalog.ts";
import { BackupNotFoundError } from "./errors.ts";
import type { BackupSelector } from "./selector.ts";

/** A storage by its name. */
export interface NamedDriver {
  readonly name: string;
  readonly driver: StorageDriver;
}

/** A backup, and the storage in which all of it lies. */
export interface PlacedBackup<R extends NamedDriver> {
  readonly entry: BackupEntry;
  readonly repository: R;
  readonly catalog: Catalog;
}

/** A storage that may hold what is looked for, and cannot be asked. */
export class UnansweredError extends ToolError {
  readonly storage: string;
  constructor(storage: string, cause: ToolError, answering: readonly string[]) {
    const others = answering.length === 0 ? "" : `; --target-storage=${answering[0]} leaves it out`;
    super({
      code: cause.code,
      message: `storage ${storage} cannot be asked for backups: ${cause.message}`,
      hint: `What is wanted may lie there${others}.`,
      isTransient: cause.isTransient,
      cause,
    });
    this.storage = storage;
  }
}

/**
 * The backups of several storages as if they were one. A name that is in more than one means the
 * backup of the first, as by WAL-G; unlike there, what no storage has is absent only when all of
 * them answered.
 */
export class CatalogUnion<R extends NamedDriver> {
  readonly #places: readonly Omit<PlacedBackup<R>, "entry">[];

  constructor(options: { readonly repositories: readonly R[]; readonly database: DatabaseKind }) {
    const { repositories, database } = options;
    this.#places = repositories.map((repository) => {
      return { repository, catalog: new Catalog({ repository, database }) };
    });
  }

  /** All backups of the storages that answer, oldest first; and an error for each other one. */
  async list(signal: AbortSignal): Promise<{
    readonly backups: readonly PlacedBackup<R>[];
    readonly failures: readonly UnansweredError[];
  }> {
    const { answers, failures } = await this.#ask((catalog) => catalog.list(signal), signal);
    const backups = answers.flatMap(({ place, answer }) => {
      return answer.map((entry) => ({ ...place, entry }));
    });
    return { backups: backups.sort((a, b) => compareEntries(a.entry, b.entry)), failures };
  }

  /** Each name once. Throws when a storage does not answer. */
  async byName(signal: AbortSignal): Promise<ReadonlyMap<BackupName, PlacedBackup<R>>> {
    const { backups, failures } = await this.list(signal);
    if (failures[0] !== undefined) throw failures[0];
    const order = (backup: PlacedBackup<R>) => {
      return this.#places.findIndex(({ catalog }) => catalog === backup.catalog);
    };
    const named = new Map<BackupName, PlacedBackup<R>>();
    for (const backup of backups) {
      const other = named.get(backup.entry.name);
      if (other === undefined || order(backup) < order(other)) named.set(backup.entry.name, backup);
    }
    return named;
  }

  /** As `Catalog.find`; throws when a storage that does not answer might change what is found. */
  async find(selector: BackupSelector, signal: AbortSignal): Promise<PlacedBackup<R>> {
    const { answers, failures } = await this.#ask(async (catalog) => {
      try {
        return await catalog.find(selector, signal);
      } catch (error) {
        if (error instanceof BackupNotFoundError) return error;
        throw error;
      }
    }, signal);
    const found = answers.flatMap(({ place, answer }) => {
      return answer instanceof BackupNotFoundError ? [] : [{ ...place, entry: answer }];
    });
    const [first] = found;
    if (first !== undefined && selector.by === "name") return first;
    if (failures[0] !== undefined) throw failures[0];
    if (first === undefined) {
      const absence = answers.map(({ answer }) => answer).find((each) => each instanceof Error);
      throw absence ?? BackupNotFoundError.noneAtAll();
    }
    if (selector.by === "latest") {
      return found.reduce((a, b) => (b.entry.modifiedNs > a.entry.modifiedNs ? b : a));
    }
    const names = new Set(found.map(({ entry }) => entry.name));
    if (names.size === 1) return first;
    throw new UsageError(
      `user data matches ${[...names].join(", ")}`,
      "Name the backup that is meant.",
    );
  }

  async #ask<T>(question: (catalog: Catalog) => Promise<T>, signal: AbortSignal) {
    const results = await Promise.allSettled(
      this.#places.map(async (place) => ({ place, answer: await question(place.catalog) })),
    );
    signal.throwIfAborted();
    const answers = results.flatMap((result) => {
      return result.status === "fulfilled" ? [result.value] : [];
    });
    const answering = answers.map(({ place }) => place.repository.name);
    const failures = results.flatMap((result, index) => {
      if (result.status === "fulfilled") return [];
      const { reason } = result;
      // Anything else is no matter of whether the storage is there.
      if (!(reason instanceof StorageError) || this.#places.length === 1) throw reason;
      const name = this.#places[index]?.repository.name ?? "";
      return [new UnansweredError(name, reason, answering)];
    });
    return { answers, failures };
  }
}
