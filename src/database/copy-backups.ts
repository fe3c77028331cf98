import { defined } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { DatabaseKind } from "../base/database-kind.ts";
import type { Logger } from "../base/log.ts";
import type { BackupName } from "../catalog/backup-name.ts";
import { Catalog } from "../catalog/catalog.ts";
import { BackupNotFoundError } from "../catalog/errors.ts";
import type { BackupSelector } from "../catalog/selector.ts";
import { incrementLink, type Sentinel } from "../catalog/sentinel.ts";
import type { ObjectInfo } from "../storage/driver.ts";
import type { CopyRules, CopyWay } from "../transfer/object-copy.ts";
import type { Repository } from "../transfer/repository.ts";
import type { ClosedWalRange, WalRange } from "../wal/archived-range.ts";
import { BackupCopier, type CopyOutcomes } from "./backup-copier.ts";
import {
  type BackupObject,
  type BackupPlace,
  lookAtBackup,
  refuseConflicts,
  statOrAbsent,
} from "./copied-backup.ts";
import { isWalOf, planWal, walPairs } from "./copied-wal.ts";

export interface CopyRequest {
  readonly source: Repository;
  readonly target: Repository;
  readonly database: DatabaseKind;
  /** undefined: every backup. */
  readonly selector: BackupSelector | undefined;
  /** What the backup of that sentinel needs of the archive. */
  readonly walOf: (sentinel: Sentinel) => ClosedWalRange;
  /** All later WAL as well, on whatever timeline. */
  readonly withHistory: boolean;
  readonly rules: CopyRules;
  /** Objects that are moved at once. */
  readonly concurrencyMax: number;
  readonly retriesMax: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Told once how many stored bytes there are. */
  readonly onBegin?: (totalBytes: number) => void;
  readonly onBytes?: (bytes: number) => void;
}

export interface CopySummary {
  readonly backups: readonly BackupName[];
  readonly outcomes: CopyOutcomes;
}

/** One backup that is copied. */
interface Chosen {
  readonly name: BackupName;
  readonly parent: BackupName | undefined;
  readonly range: ClosedWalRange;
  /** false: it comes along as the parent of another. */
  readonly isAsked: boolean;
}

/**
 * Copies backups as they are stored. All is looked at before anything is written. Then, backup by
 * backup, the oldest first and parents before their increments: WAL that it needs and parts,
 * documents, a look at what the target has, and the sentinel last; so a backup is seen in the
 * target when, and only when, all of it is there. The rest of the archive's history comes at the
 * end. What is there already is not written again: the same call goes on where one was cut off.
 */
export async function copyBackups(request: CopyRequest): Promise<CopySummary> {
  return await new Copy(request).run();
}

class Copy {
  readonly #request: CopyRequest;
  readonly #place: BackupPlace;
  readonly #way: CopyWay;
  readonly #copier: BackupCopier;

  constructor(request: CopyRequest) {
    const { source, target, database, log, signal } = request;
    const catalog = new Catalog({ repository: source, database });
    this.#request = request;
    this.#place = { source, target, catalog, log, signal };
    this.#way = { ...request, from: source.driver, to: target.driver };
    this.#copier = new BackupCopier(this.#place, this.#way, request.concurrencyMax);
  }

  async run(): Promise<CopySummary> {
    const { source, log, signal, rules, onBegin } = this.#request;
    const chosen = await this.#choose();
    const history = this.#history(chosen);
    const needed = chosen.map(({ name, range, isAsked }) => {
      return { backup: name, range, isRequired: isAsked };
    });
    const wal = await planWal(source.driver, { needed, history, log, signal });
    let totalBytes = wal.sizeBytes;
    for (const { name } of chosen) {
      const objects = await lookAtBackup(this.#place, name);
      if (!rules.mayReplace) await refuseConflicts(this.#place, name, objects);
      totalBytes += objects.sizeBytes;
    }
    onBegin?.(totalBytes);
    const copier = this.#copier;
    await copier.copyAll(this.#extraItems(wal.extras));
    const done: ClosedWalRange[] = [];
    for (const backup of chosen) {
      await copier.copyBackup(backup.name, this.#walItems(backup.range, done));
      done.push(backup.range);
    }
    if (history !== undefined) await copier.copyAll(this.#walItems(history, done));
    return { backups: chosen.map(({ name }) => name), outcomes: copier.outcomes };
  }

  /** What was asked for and the parents, in the source's order of time, parents first. */
  async #choose(): Promise<readonly Chosen[]> {
    const { selector, walOf, log, signal } = this.#request;
    const { catalog } = this.#place;
    const listed =
      selector === undefined ? await catalog.list(signal) : [await catalog.find(selector, signal)];
    if (listed.length === 0) throw BackupNotFoundError.noneAtAll();
    const asked = new Set(listed.map(({ name }) => name));
    const known = new Map<BackupName, Chosen>();
    // The newest first: its chain holds most of the others.
    for (const name of [...asked].reverse()) {
      if (known.has(name)) continue;
      for (const sentinel of await catalog.chain(name, signal)) {
        const { name: link } = sentinel;
        const parent = incrementLink(sentinel)?.parent;
        const isAsked = asked.has(link);
        known.set(link, { name: link, parent, range: walOf(sentinel), isAsked });
      }
    }
    const ordered = new Map<BackupName, Chosen>();
    const add = (name: BackupName) => {
      if (ordered.has(name)) return;
      const backup = defined(known.get(name), "backup of a chain that was read");
      if (backup.parent !== undefined) add(backup.parent);
      ordered.set(name, backup);
    };
    for (const name of asked) add(name);
    const names = [...ordered.keys()];
    log.info(`Copying ${names.length === 1 ? "backup" : "backups"} ${names.join(", ")}`);
    return [...ordered.values()];
  }

  /** From the first segment that any of the wanted backups needs. */
  #history(chosen: readonly Chosen[]): WalRange | undefined {
    if (!this.#request.withHistory) return undefined;
    const ranges = chosen.filter(({ isAsked }) => isAsked).map(({ range }) => range);
    const [first] = ranges.toSorted((a, b) => (a.first < b.first ? -1 : 1));
    return first === undefined ? undefined : { ...first, last: undefined };
  }

  /** WAL without a record of its hash; what came with an earlier range is left out. */
  async *#walItems(range: WalRange, done: readonly WalRange[]): AsyncGenerator<BackupObject> {
    for await (const { source, target } of walPairs(this.#way, range, this.#request.signal)) {
      if (done.some((earlier) => isWalOf(source, earlier))) continue;
      yield { source, target, recorded: unknown };
    }
  }

  /** Few: which of them are there is asked for one by one. */
  async *#extraItems(extras: readonly ObjectInfo[]): AsyncGenerator<BackupObject> {
    const { target, signal } = this.#request;
    for (const source of extras) {
      const there = await statOrAbsent(target.driver, source.key, signal);
      yield { source, target: there, recorded: unknown };
    }
  }
}

/** Nothing was recorded of the object when it was stored. */
async function unknown(): Promise<undefined> {
  return undefined;
}
