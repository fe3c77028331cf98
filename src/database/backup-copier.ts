import { forEachConcurrently } from "../base/pool.ts";
import type { BackupName } from "../catalog/backup-name.ts";
import { sentinelKey } from "../catalog/storage-layout.ts";
import {
  CopyConflictError,
  type CopyOutcome,
  type CopyWay,
  copyObject,
} from "../transfer/object-copy.ts";
import {
  type BackupObject,
  type BackupObjects,
  type BackupPlace,
  lookAtBackup,
  proveCopied,
  refuseConflicts,
  statOrAbsent,
} from "./copied-backup.ts";

/** Objects by what became of them. */
export type CopyOutcomes = Readonly<Record<CopyOutcome, number>>;

/** Moves objects and whole backups from one storage to another, a few at once. */
export class BackupCopier {
  readonly #place: BackupPlace;
  readonly #way: CopyWay;
  readonly #concurrencyMax: number;
  readonly #outcomes = { copied: 0, present: 0, replaced: 0 };

  constructor(place: BackupPlace, way: CopyWay, concurrencyMax: number) {
    this.#place = place;
    this.#way = way;
    this.#concurrencyMax = concurrencyMax;
  }

  get outcomes(): CopyOutcomes {
    return this.#outcomes;
  }

  /** Objects that are written, whatever they replace. */
  get #written(): number {
    return this.#outcomes.copied + this.#outcomes.replaced;
  }

  /**
   * Parts and what `company` gives, then documents, a look at what the target has, and the
   * sentinel last: until then no backup is listed there.
   */
  async copyBackup(
    name: BackupName,
    company: AsyncIterable<BackupObject> | Iterable<BackupObject> = [],
  ): Promise<void> {
    const { target, log, signal } = this.#place;
    const objects = await lookAtBackup(this.#place, name);
    if (this.#way.rules.mayReplace) await this.#clear(name, objects);
    else await refuseConflicts(this.#place, name, objects);
    const writtenBefore = this.#written;
    await this.copyAll(chain(objects.parts, company));
    for (const document of objects.documents) await this.#copyOne(document, signal);
    await proveCopied(target.driver, name, { objects, signal });
    const there = await statOrAbsent(target.driver, sentinelKey(name), signal);
    await this.#copyOne({ ...objects.sentinel, target: there }, signal);
    const written = this.#written - writtenBefore;
    log.info(written === 0 ? `${name} was there already` : `Copied ${name} (${written} objects)`);
  }

  async copyAll(items: AsyncIterable<BackupObject> | Iterable<BackupObject>): Promise<void> {
    const { signal } = this.#place;
    const options = { concurrencyMax: this.#concurrencyMax, signal };
    await forEachConcurrently(items, options, (item, stop) => this.#copyOne(item, stop));
  }

  /** A backup that is replaced is none while its parts are: its sentinel goes first. */
  async #clear(name: BackupName, objects: BackupObjects): Promise<void> {
    const { target, signal } = this.#place;
    try {
      await refuseConflicts(this.#place, name, objects);
    } catch (error) {
      if (!(error instanceof CopyConflictError)) throw error;
      await target.driver.delete([sentinelKey(name)], signal);
    }
    if (objects.strangers.length > 0) await target.driver.delete(objects.strangers, signal);
  }

  async #copyOne({ recorded, ...object }: BackupObject, signal: AbortSignal): Promise<void> {
    const copied = { ...object, recorded: await recorded(signal) };
    const outcome = await copyObject(this.#way, copied, signal);
    this.#outcomes[outcome] += 1;
    this.#place.log.debug(`${outcome} ${object.source.key}`);
  }
}

async function* chain<T>(
  first: Iterable<T>,
  then: AsyncIterable<T> | Iterable<T>,
): AsyncGenerator<T> {
  yield* first;
  yield* then;
}
