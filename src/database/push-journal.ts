import { ToolError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { suffixOf, walBaseKey } from "../catalog/storage-layout.ts";
import { isSameContent } from "../stream/compare.ts";
import { type FoundObject, findObjects } from "../transfer/object-finder.ts";
import { readObject } from "../transfer/object-reader.ts";
import { writeObject } from "../transfer/object-writer.ts";
import type { Repository } from "../transfer/repository.ts";
import type { JournalFile } from "./journal.ts";
import { JournalConflictError } from "./journal-errors.ts";
import type { FindJournal, StoredIn } from "./journal-lookup.ts";

export interface PushRules {
  /** Replace what is stored under the name with other content. Never for irreplaceable files. */
  readonly mayOverwrite: boolean;
  /** Looks for the file in further storages, as far as they answer: there it counts as well. */
  readonly elsewhere?: FindJournal | undefined;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export type PushOutcome = "stored" | "already-stored" | "overwritten";

/**
 * Stores one journal file. Resolves when the storage has acknowledged it, or already had the
 * same content under any codec, there or elsewhere; different content stays, and is an error.
 */
export async function pushJournalFile(
  repository: Repository,
  file: JournalFile,
  rules: PushRules,
): Promise<PushOutcome> {
  const { signal, log } = rules;
  const baseKey = walBaseKey(file.name);
  const key = walBaseKey(file.name + suffixOf(repository.codec.extension));
  for (let attempt = 1; ; attempt += 1) {
    const [stored, elsewhere] = await Promise.all([
      findObjects(repository.driver, baseKey, { signal }),
      rules.elsewhere?.(file.name, signal) ?? [],
    ]);
    if (stored.length > 0) {
      const stranger = await findDifferent(repository, { file, stored, signal });
      if (stranger === undefined) return "already-stored";
      if (!rules.mayOverwrite || file.isIrreplaceable) {
        throw new JournalConflictError(file.path, stranger.key);
      }
      log.warning(
        `WAL file '${file.path}' already archived, contents differ, overwriting: ` +
          "PREVENT_WAL_OVERWRITE is false",
      );
      await writeObject(repository, { key, source: file.source, ifAbsent: false, signal });
      await forgetOthers(repository, { stored, key, signal });
      return "overwritten";
    }
    if (elsewhere.length > 0) return await alreadyElsewhere(elsewhere, file, signal);
    try {
      await writeObject(repository, { key, source: file.source, ifAbsent: true, signal });
      if (file.isUnfinished()) log.warning(unfinished(file.path));
      return "stored";
    } catch (error) {
      // Somebody else was faster; what they stored is compared like any other.
      if (!(error instanceof ToolError) || error.code !== "object-exists" || attempt >= 3) {
        throw error;
      }
    }
  }
}

/** WAL-G's words for content that is there already. */
export function alreadyStored(path: string): string {
  return `WAL file '${path}' already archived with equal content, skipping`;
}

/** By archive_command this never happens; by hand it may, to save what a dead server left. */
function unfinished(path: string): string {
  return (
    `WAL file '${path}' was not filled by the server yet: if it still runs, archiving the rest ` +
    "of the file will fail"
  );
}

/** Two storages with different content under one name could not be told apart by who reads. */
async function alreadyElsewhere(
  elsewhere: readonly StoredIn[],
  file: JournalFile,
  signal: AbortSignal,
): Promise<PushOutcome> {
  for (const { repository, object } of elsewhere) {
    const stored = [object];
    if ((await findDifferent(repository, { file, stored, signal })) === undefined) continue;
    throw new JournalConflictError(file.path, `${repository.driver.name}/${object.key}`);
  }
  return "already-stored";
}

async function findDifferent(
  repository: Repository,
  facts: {
    readonly file: JournalFile;
    readonly stored: readonly FoundObject[];
    readonly signal: AbortSignal;
  },
): Promise<FoundObject | undefined> {
  const { file, stored, signal } = facts;
  for (const object of stored) {
    const content = await readObject(repository, { ...object, signal });
    if (!(await isSameContent(content, file.source.open(signal)))) return object;
  }
  return undefined;
}

/** Under other codecs the replaced content would live on beside the new one. */
async function forgetOthers(
  repository: Repository,
  facts: {
    readonly stored: readonly FoundObject[];
    readonly key: string;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const others = facts.stored.filter((object) => object.key !== facts.key);
  if (others.length === 0) return;
  const folder = walBaseKey("x").slice(0, -1);
  const keys = others.map((object) => walBaseKey(object.key.slice(folder.length)));
  await repository.driver.delete(keys, facts.signal);
}
