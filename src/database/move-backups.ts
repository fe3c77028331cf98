import type { DatabaseKind } from "../base/database-kind.ts";
import { CanceledError, ToolError } from "../base/errors.ts";
import type { BackupName } from "../catalog/backup-name.ts";
import { Catalog } from "../catalog/catalog.ts";
import { BackupNotFoundError, BrokenChainError } from "../catalog/errors.ts";
import { incrementLink } from "../catalog/sentinel.ts";
import { backupPrefix, claimKey, sentinelKey } from "../catalog/storage-layout.ts";
import type { StorageDriver } from "../storage/driver.ts";
import type { ObjectKey } from "../storage/object-key.ts";
import type { CopyWay } from "../transfer/object-copy.ts";
import type { Repository } from "../transfer/repository.ts";
import { BackupCopier } from "./backup-copier.ts";
import { type BackupPlace, lookAtBackup } from "./copied-backup.ts";

export interface MoveRequest {
  readonly source: Repository;
  readonly target: Repository;
  readonly way: CopyWay;
  readonly database: DatabaseKind;
  /** undefined: all. */
  readonly name: BackupName | undefined;
  /** Also backups that the target has already. */
  readonly includesPresent: boolean;
  /** Nothing is removed from the source. */
  readonly preserves: boolean;
  readonly concurrencyMax: number;
  readonly backupsMax: number;
  readonly objectsMax: number;
  readonly signal: AbortSignal;
  /** Told of what fails; whatever it throws ends the move. */
  readonly onFailure: (error: ToolError) => void;
}

interface ListedBackup {
  readonly name: BackupName;
  readonly parent: BackupName | undefined;
}

/** A chain, or what of it is to be moved, parents first. */
type Group = readonly ListedBackup[];

/**
 * Moves backups to another storage, chain by chain: all of a chain is copied, parents first and
 * each with its sentinel last, before anything of it is removed from the source, where the
 * sentinel goes first and increments before their parents. So at every moment each backup that is
 * listed is whole, with its parents beside it.
 */
export async function moveBackups(request: MoveRequest): Promise<void> {
  await new Move(request).run();
}

class Move {
  readonly #request: MoveRequest;
  readonly #place: BackupPlace;
  readonly #copier: BackupCopier;
  /** Of the source, by name, in its order of time. */
  readonly #backups = new Map<BackupName, ListedBackup>();
  #present: ReadonlySet<BackupName> = new Set();
  #objectsLeft = 0;

  constructor(request: MoveRequest) {
    const { source, target, database, way, signal, concurrencyMax } = request;
    const catalog = new Catalog({ repository: source, database });
    this.#request = request;
    this.#place = { source, target, catalog, log: way.log, signal };
    this.#copier = new BackupCopier(this.#place, way, concurrencyMax);
  }

  async run(): Promise<void> {
    const { target, database, signal, onFailure } = this.#request;
    const { catalog } = this.#place;
    for (const { name } of await catalog.list(signal)) {
      const parent = incrementLink(await catalog.read(name, signal))?.parent;
      this.#backups.set(name, { name, parent });
    }
    const there = await new Catalog({ repository: target, database }).list(signal);
    this.#present = new Set(there.map(({ name }) => name));
    for (const { group, objects } of await this.#choose()) {
      try {
        this.#refuseTornChain(group);
        await this.#moveGroup(group);
      } catch (error) {
        if (error instanceof CanceledError || !(error instanceof ToolError)) throw error;
        this.#objectsLeft -= objects;
        onFailure(error);
      }
    }
  }

  /** As many whole groups as the limits allow. */
  async #choose(): Promise<readonly { readonly group: Group; readonly objects: number }[]> {
    const { backupsMax, objectsMax, onFailure, way } = this.#request;
    const groups = this.#groups();
    const backupCount = groups.reduce((sum, group) => sum + group.length, 0);
    way.log.info(`Backups missing in the target storage: ${backupCount}`);
    const chosen: { group: Group; objects: number }[] = [];
    let backups = 0;
    let total = 0;
    for (const group of groups) {
      let objects = 0;
      try {
        for (const { name } of group) objects += await this.#objectsOf(name);
      } catch (error) {
        if (error instanceof CanceledError || !(error instanceof ToolError)) throw error;
        onFailure(error);
        continue;
      }
      if (backups + group.length > backupsMax || total + objects > objectsMax) {
        const first = group[0]?.name ?? "";
        way.log.warning(`${first} and what builds on it are left: they are more than was allowed`);
        break;
      }
      backups += group.length;
      total += objects;
      chosen.push({ group, objects });
    }
    way.log.info(`Backups will be transferred: ${backups}`);
    way.log.info(`Files will be transferred: ${total}`);
    this.#objectsLeft = total;
    return chosen;
  }

  #groups(): readonly Group[] {
    const { name, includesPresent } = this.#request;
    if (name !== undefined && !this.#backups.has(name)) throw BackupNotFoundError.named(name);
    const byRoot = new Map<BackupName, ListedBackup[]>();
    for (const backup of this.#backups.values()) {
      if (name !== undefined && backup.name !== name) continue;
      if (this.#present.has(backup.name) && !includesPresent) continue;
      const root = this.#ancestors(backup).at(-1) ?? backup;
      byRoot.set(root.name, [...(byRoot.get(root.name) ?? []), backup]);
    }
    const depth = (backup: ListedBackup) => this.#ancestors(backup).length;
    return [...byRoot.values()].map((group) => group.toSorted((a, b) => depth(a) - depth(b)));
  }

  /** Those that the source has, the nearest first. */
  #ancestors(backup: ListedBackup): readonly ListedBackup[] {
    const found = new Set<ListedBackup>();
    for (let next: ListedBackup | undefined = backup; next?.parent !== undefined; ) {
      next = this.#backups.get(next.parent);
      if (next === undefined || found.has(next)) break;
      found.add(next);
    }
    return [...found];
  }

  /** No backup may be where its parent is not. */
  #refuseTornChain(group: Group): void {
    const moved = new Set(group.map(({ name }) => name));
    for (const { name, parent } of group) {
      if (parent === undefined || moved.has(parent) || this.#present.has(parent)) continue;
      throw new BrokenChainError(name, parent, "is not in the target storage: move it as well");
    }
    if (this.#request.preserves) return;
    for (const { name, parent } of this.#backups.values()) {
      if (parent === undefined || !moved.has(parent) || moved.has(name)) continue;
      throw new BrokenChainError(name, parent, "must stay with it: use --preserve, or move both");
    }
  }

  async #objectsOf(name: BackupName): Promise<number> {
    const { parts, documents } = await lookAtBackup(this.#place, name);
    return parts.length + documents.length + 1;
  }

  async #moveGroup(group: Group): Promise<void> {
    const { preserves, source, signal } = this.#request;
    for (const { name } of group) await this.#copier.copyBackup(name);
    for (const { name } of [...group].reverse()) {
      const keys = await keysBelow(source.driver, name, signal);
      if (!preserves) {
        await source.driver.delete([sentinelKey(name)], signal);
        await source.driver.delete(keys, signal);
        this.#backups.delete(name);
      }
      for (const key of [...keys, sentinelKey(name)]) this.#tell(key);
    }
  }

  #tell(key: ObjectKey): void {
    this.#objectsLeft -= 1;
    const left = Math.max(0, this.#objectsLeft);
    this.#request.way.log.info(`File is transferred (${left} left): "${key}"`);
  }
}

async function keysBelow(
  driver: StorageDriver,
  name: BackupName,
  signal: AbortSignal,
): Promise<readonly ObjectKey[]> {
  const keys: ObjectKey[] = [];
  for await (const { key } of driver.list(backupPrefix(name), { signal })) {
    if (key !== claimKey(name)) keys.push(key);
  }
  return keys;
}
