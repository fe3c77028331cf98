import { ToolError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { forEachConcurrently } from "../base/pool.ts";
import { suffixOf, walBaseKey } from "../catalog/storage-layout.ts";
import { isSameContent } from "../stream/compare.ts";
import { type FoundObject, findObjects } from "../transfer/object-finder.ts";
import { readObject } from "../transfer/object-reader.ts";
import { writeObject } from "../transfer/object-writer.ts";
import type { Repository } from "../transfer/repository.ts";
import type { JournalFile, JournalQueue } from "./journal.ts";
import { JournalConflictError } from "./journal-errors.ts";

export interface PushRules {
  /** Replace what is stored under the name with other content. Never for irreplaceable files. */
  readonly mayOverwrite: boolean;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export type PushOutcome = "stored" | "already-stored" | "overwritten";

/**
 * Stores one journal file. Resolves when the storage has acknowledged it, or already had the
 * same content under any codec; different content stays, and is an error.
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
    const stored = await findObjects(repository.driver, baseKey, { signal });
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

/** The main file of this run, then whatever else waits, within the limits. */
export interface PushRequest extends PushRules {
  readonly repository: Repository;
  readonly file: JournalFile;
  /** undefined: the file lies outside the server's queue, and only it is stored. */
  readonly queue: JournalQueue | undefined;
  /** Files besides the main one. */
  readonly furtherMax: number;
  readonly workersMax: number;
  /** Told of each file that the storage has. */
  readonly onStored: (file: JournalFile) => Promise<void>;
}

/**
 * Stores the main file, and meanwhile further files that wait. Only the main file decides how
 * this ends: what happened to the others is told to the server by marks, or by its own next call.
 */
export async function pushJournal(request: PushRequest): Promise<PushOutcome | "marked"> {
  const { repository, file, queue, log } = request;
  if (queue?.takeMark(file.name, repository.driver.name) === true) {
    log.debug(`WAL file '${file.path}' was archived by an earlier run`);
    return "marked";
  }
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  const further = pushFurther({ ...request, signal });
  try {
    const outcome = await pushJournalFile(repository, file, request);
    await request.onStored(file);
    return outcome;
  } catch (error) {
    stop.abort(error);
    throw error;
  } finally {
    await further;
  }
}

/** Never rejects: a file that fails here fails again, loudly, when the server asks for it. */
async function pushFurther(request: PushRequest): Promise<void> {
  const { queue, log, signal, repository } = request;
  if (queue === undefined || request.furtherMax < 1 || request.workersMax < 1) return;
  const names = queue.waiting(request.file.name).slice(0, request.furtherMax);
  if (names.length === 0) return;
  try {
    using lock = await queue.lock();
    if (lock === undefined) return;
    await forEachConcurrently(
      names,
      { concurrencyMax: Math.min(request.workersMax, names.length), signal },
      async (name, workSignal) => {
        using file = await queue.open(name);
        const rules = { ...request, signal: workSignal };
        const outcome = await pushJournalFile(repository, file, rules);
        if (outcome === "already-stored") log.info(alreadyStored(file.path));
        await request.onStored(file);
        queue.mark(name, repository.driver.name);
      },
    );
  } catch (error) {
    if (signal.aborted || !(error instanceof Error)) return;
    log.warning(`storing further WAL files ahead stopped: ${error.message}`);
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
