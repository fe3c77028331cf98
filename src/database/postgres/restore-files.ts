import { CorruptObjectError } from "../../base/errors.ts";

/** What `files_metadata.json` says of one file of one backup. */
export interface FileState {
  /** Its entry in the tar is an increment. */
  readonly isIncremented: boolean;
  /** Unchanged since the parent: no entry in this backup. */
  readonly isSkipped: boolean;
}

/** The files of one backup of the chain; undefined where the backup has no list of them. */
export interface ListedFiles {
  readonly backup: string;
  readonly files: ReadonlyMap<string, FileState> | undefined;
}

/** Stored beside the data, in no list. */
const UTILITY_FILES: ReadonlySet<string> = new Set([
  "/global/pg_control",
  "backup_label",
  "tablespace_map",
]);

/** Which entries of one backup's tars are restored, and which of them came. */
export interface WantedFiles {
  wants(name: string): boolean;
  isIncrement(name: string): boolean;
  /** A part with this entry is restored. */
  markRestored(name: string): void;
  /** Names whose entries never came, at most a few. */
  missing(): readonly string[];
}

/**
 * Which files each backup of the chain contributes (full first, as the chain): the newest all of
 * its own, an ancestor those that its child skipped or holds an increment for. A file that the
 * child does not name was dropped, and no ancestor brings it back.
 */
export function planWantedFiles(chain: readonly ListedFiles[]): readonly WantedFiles[] {
  const [newest, ...ancestors] = [...chain].reverse();
  if (newest === undefined) return [];
  if (newest.files === undefined) {
    if (ancestors.length === 0) return [new EverythingWanted()];
    throw new CorruptObjectError(newest.backup, "an increment without files_metadata.json");
  }
  let wanted = new Set(newest.files.keys());
  const plans: WantedFiles[] = [new ListedWanted(newest.files, wanted, true)];
  let child: ListedFiles = newest;
  for (const ancestor of ancestors) {
    wanted = fromAncestor(child, wanted);
    plans.unshift(ancestorPlan(child, ancestor, wanted));
    child = ancestor;
  }
  const orphan = [...wanted].find((name) => !isOwn(child.files?.get(name)));
  if (child.files !== undefined && ancestors.length > 0 && orphan !== undefined) {
    throw new CorruptObjectError(child.backup, `has no whole ${orphan}, and no parent`);
  }
  return plans;
}

function fromAncestor(child: ListedFiles, wanted: ReadonlySet<string>): Set<string> {
  const names = new Set<string>();
  for (const name of wanted) {
    const state = child.files?.get(name);
    if (state?.isIncremented === true || state?.isSkipped === true) names.add(name);
  }
  return names;
}

function ancestorPlan(
  child: ListedFiles,
  ancestor: ListedFiles,
  wanted: ReadonlySet<string>,
): WantedFiles {
  if (ancestor.files === undefined) return new NamedWanted(wanted);
  for (const name of wanted) {
    if (ancestor.files.has(name)) continue;
    throw new CorruptObjectError(
      ancestor.backup,
      `has no ${name}, which ${child.backup} builds upon`,
    );
  }
  return new ListedWanted(ancestor.files, wanted, false);
}

function isOwn(state: FileState | undefined): boolean {
  return state !== undefined && !state.isIncremented && !state.isSkipped;
}

/** A full backup without a list: whatever its tars hold. */
class EverythingWanted implements WantedFiles {
  wants(): boolean {
    return true;
  }
  isIncrement(): boolean {
    return false;
  }
  markRestored(): void {}
  missing(): readonly string[] {
    return [];
  }
}

/** A full backup without a list, of which a child names the files. */
class NamedWanted implements WantedFiles {
  readonly #missing: Set<string>;
  readonly #wanted: ReadonlySet<string>;

  constructor(wanted: ReadonlySet<string>) {
    this.#wanted = wanted;
    this.#missing = new Set(wanted);
  }

  wants(name: string): boolean {
    return this.#wanted.has(name);
  }

  isIncrement(): boolean {
    return false;
  }

  markRestored(name: string): void {
    this.#missing.delete(name);
  }

  missing(): readonly string[] {
    return [...this.#missing].slice(0, MISSING_NAMED_MAX);
  }
}

const MISSING_NAMED_MAX = 5;

class ListedWanted implements WantedFiles {
  readonly #files: ReadonlyMap<string, FileState>;
  readonly #wanted: ReadonlySet<string>;
  readonly #isNewest: boolean;
  readonly #missing = new Set<string>();

  constructor(
    files: ReadonlyMap<string, FileState>,
    wanted: ReadonlySet<string>,
    isNewest: boolean,
  ) {
    this.#files = files;
    this.#wanted = wanted;
    this.#isNewest = isNewest;
    for (const name of wanted) if (files.get(name)?.isSkipped === false) this.#missing.add(name);
  }

  wants(name: string): boolean {
    return this.#wanted.has(name) || (this.#isNewest && UTILITY_FILES.has(name));
  }

  isIncrement(name: string): boolean {
    return this.#files.get(name)?.isIncremented === true;
  }

  markRestored(name: string): void {
    this.#missing.delete(name);
  }

  missing(): readonly string[] {
    return [...this.#missing].slice(0, MISSING_NAMED_MAX);
  }
}
