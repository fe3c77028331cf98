import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { WAL_FOLDER, walBaseKey } from "../catalog/storage-layout.ts";
import { collect } from "../stream/byte-stream.ts";
import { type FoundObject, findObjects } from "../transfer/object-finder.ts";
import { readObject } from "../transfer/object-reader.ts";
import type { Repository } from "../transfer/repository.ts";
import type { JournalListing } from "./journal.ts";

const SMALL_BYTES_MAX = 1 << 20;

/** An object that holds a journal file, and the storage in which it lies. */
export interface StoredIn {
  readonly repository: Repository;
  readonly object: FoundObject;
}

/** Every object that holds the named file; none: it is not stored where was looked. */
export type FindJournal = (name: string, signal: AbortSignal) => Promise<readonly StoredIn[]>;

/** What is known of storages, and learns from their answers. Without it all are asked alike. */
export interface StorageWatch {
  /** Was found dead not long ago: it is asked only where the others do not have what is wanted. */
  isDead(repository: Repository): boolean;
  answered(repository: Repository): void;
  failed(repository: Repository, error: unknown): void;
}

/** In one storage. */
export function findIn(repository: Repository): FindJournal {
  return async (name, signal) => {
    const preferred = repository.codec.name;
    const found = await findObjects(repository.driver, walBaseKey(name), { preferred, signal });
    return found.map((object) => ({ repository, object }));
  };
}

/**
 * In all storages, in their order. A storage that fails hides nothing: what others have counts,
 * absence needs every answer.
 */
export function findInAll(
  repositories: readonly Repository[],
  options: { readonly watch?: StorageWatch | undefined; readonly log: Logger },
): FindJournal {
  const { watch, log } = options;
  return async (name, signal) => {
    const isDead = (repository: Repository) => watch?.isDead(repository) === true;
    const failures: unknown[] = [];
    for (const asked of [
      repositories.filter((repository) => !isDead(repository)),
      repositories.filter(isDead),
    ]) {
      const answers = await ask(asked, { name, watch, signal });
      const found = answers.flatMap((answer) => answer.found);
      failures.push(...answers.flatMap((answer) => answer.failures));
      if (found.length === 0) continue;
      for (const failure of failures) log.warning(messageOf(failure));
      return found;
    }
    if (failures.length > 0) throw failures[0];
    return [];
  };
}

/**
 * In one storage, and where it has nothing in others as far as they answer: for who waits for a
 * file, or wants to know whether there is one already.
 */
export function findFirstIn(repository: Repository, others: FindJournal): FindJournal {
  const find = findIn(repository);
  return async (name, signal) => {
    const found = await find(name, signal);
    return found.length > 0 ? found : await others(name, signal);
  };
}

interface Answer {
  readonly found: readonly StoredIn[];
  readonly failures: readonly unknown[];
}

async function ask(
  repositories: readonly Repository[],
  request: {
    readonly name: string;
    readonly watch: StorageWatch | undefined;
    readonly signal: AbortSignal;
  },
): Promise<readonly Answer[]> {
  const { name, watch, signal } = request;
  return await Promise.all(
    repositories.map(async (repository) => {
      try {
        const found = await findIn(repository)(name, signal);
        watch?.answered(repository);
        return { found, failures: [] };
      } catch (error) {
        signal.throwIfAborted();
        watch?.failed(repository, error);
        return { found: [], failures: [error] };
      }
    }),
  );
}

/** What a proof may ask: names and small files, as if all storages were one. */
export function listingOf(repositories: readonly Repository[], log: Logger): JournalListing {
  return {
    names(prefix, after, signal) {
      return merged(
        repositories.map(({ driver }) => {
          // "~" sorts after every character that follows a name: extensions, ".", "_".
          const start = after === undefined ? {} : { after: walBaseKey(`${after}~`) };
          return driver.list(`${WAL_FOLDER}/${prefix}`, { ...start, signal });
        }),
      );
    },
    async small(name, signal) {
      const [stored] = await findInAll(repositories, { log })(name, signal);
      if (stored === undefined) return undefined;
      const { repository, object } = stored;
      return collect(await readObject(repository, { ...object, signal }), SMALL_BYTES_MAX);
    },
  };
}

/** Names of all listings, ascending as each of them is. */
async function* merged(
  listings: readonly AsyncIterable<{ readonly key: string }>[],
): AsyncGenerator<string> {
  const iterators = listings.map((listing) => listing[Symbol.asyncIterator]());
  try {
    const heads = await Promise.all(iterators.map((iterator) => nextKey(iterator)));
    for (;;) {
      const present = heads.filter((head) => head !== undefined).sort();
      const [least] = present;
      if (least === undefined) return;
      yield least.slice(WAL_FOLDER.length + 1);
      for (const [index, iterator] of iterators.entries()) {
        if (heads[index] === least) heads[index] = await nextKey(iterator);
      }
    }
  } finally {
    for (const iterator of iterators) await iterator.return?.();
  }
}

async function nextKey(
  iterator: AsyncIterator<{ readonly key: string }>,
): Promise<string | undefined> {
  const next = await iterator.next();
  return next.done === true ? undefined : next.value.key;
}
