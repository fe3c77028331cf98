import { CorruptObjectError } from "../../base/errors.ts";
import type { IncrementShape } from "../../delta/increment-apply.ts";
import { NameTable } from "./name-table.ts";
import { WrittenPages } from "./written-pages.ts";

/** What `files_metadata.json` says of one file of one backup. */
export interface FileState {
  /** Its entry in the tar is an increment. */
  readonly isIncremented: boolean;
  /** Unchanged since the parent: no entry in this backup. */
  readonly isSkipped: boolean;
}

/** Told of a backup's list while it is read; of names that come twice the last one counts. */
export interface FileListVisitor {
  file(name: string, state: FileState): void;
  /** `name` carries the codec's extension: `part_001.tar.zst`. */
  part(name: string, entryNames: readonly string[]): void;
}

export interface ListedBackup {
  readonly backup: string;
  /** Gives the list's content to the visitor; false: the backup has no list. */
  read(visitor: FileListVisitor): Promise<boolean>;
}

/** Which entries of one backup's tars are restored, and which of them came. */
export interface BackupFiles {
  /** The newest of the chain: directories and links are as it has them. */
  readonly isNewest: boolean;
  /** It has a list of its files. */
  readonly isListed: boolean;
  wants(name: string): boolean;
  isIncrement(name: string): boolean;
  /** undefined: no newer backup gave anything of the file. */
  writtenPages(name: string): WrittenPages | undefined;
  /** false: nothing of an older backup is needed, the newer ones gave all. */
  needsMore(name: string): boolean;
  /** A part with this entry is restored; `shape` if it was an increment that was needed. */
  markRestored(name: string, shape: IncrementShape | undefined): void;
  /** Whether the list says that nothing in this part is restored. */
  isRedundant(partName: string): boolean;
  /** Names whose entries never came, at most a few. */
  missing(): readonly string[];
}

/** What the user asked for, of what the newest backup holds. */
export interface FileChoice {
  isChosen(name: string): boolean;
  /** Told of each file of the list that was not chosen. */
  onLeftOut?(name: string): void;
}

const EVERYTHING: FileChoice = { isChosen: () => true };

/** Stored beside the data, in no list. */
const UTILITY_FILES: ReadonlySet<string> = new Set([
  "/global/pg_control",
  "backup_label",
  "tablespace_map",
]);

const WANTED = 1;
const INCREMENTED = 2;
const SKIPPED = 4;
const LISTED = 8;
/** Some part says that it holds it. */
const PLACED = 16;
const RESTORED = 32;

const MISSING_NAMED_MAX = 5;

/**
 * Which files each backup of the chain contributes (newest first, as it is restored): the newest
 * all of its own, an ancestor those that its child skipped or holds an increment for. A file that
 * the child does not name was dropped, and no ancestor brings it back.
 *
 * `chain`: newest first.
 */
export async function planBackupFiles(
  chain: readonly ListedBackup[],
  choice: FileChoice = EVERYTHING,
): Promise<readonly BackupFiles[]> {
  const [newest, ...ancestors] = chain;
  if (newest === undefined) return [];
  const known = new KnownFiles(choice);
  const first = new ListedFiles(known, newest.backup);
  if (!(await newest.read(first))) {
    if (ancestors.length === 0) return [new AllFiles(choice)];
    throw new CorruptObjectError(newest.backup, "an increment without files_metadata.json");
  }
  const plans: ListedFiles[] = [first];
  let child = first;
  for (const [index, ancestor] of ancestors.entries()) {
    const files = new ListedFiles(known, ancestor.backup, child);
    if (!(await ancestor.read(files))) {
      if (index < ancestors.length - 1) {
        throw new CorruptObjectError(ancestor.backup, "an increment without files_metadata.json");
      }
      files.beginUnlisted();
    }
    files.checkComplete(child.backup);
    plans.push(files);
    child = files;
  }
  if (ancestors.length > 0) child.checkOwn();
  return plans;
}

/** What holds for the whole chain. */
class KnownFiles {
  readonly names = new NameTable();
  /** Of files of which newer backups gave some pages. */
  readonly pages = new Map<number, WrittenPages>();
  readonly choice: FileChoice;

  constructor(choice: FileChoice) {
    this.choice = choice;
  }
}

/** A full backup without a list: whatever its tars hold. */
class AllFiles implements BackupFiles {
  readonly isNewest = true;
  readonly isListed = false;
  readonly wants: (name: string) => boolean;

  constructor({ isChosen }: FileChoice) {
    this.wants = isChosen;
  }

  isIncrement(): boolean {
    return false;
  }
  writtenPages(): undefined {
    return undefined;
  }
  needsMore(): boolean {
    return true;
  }
  markRestored(): void {}
  isRedundant(): boolean {
    return false;
  }
  missing(): readonly string[] {
    return [];
  }
}

/** One byte of facts per file that the newest backup names. */
class ListedFiles implements BackupFiles, FileListVisitor {
  readonly isNewest: boolean;
  readonly backup: string;
  readonly #known: KnownFiles;
  #facts: Uint8Array;
  isListed = true;
  #isAllPlaced: boolean | undefined;
  readonly #unneededParts = new Set<string>();

  constructor(known: KnownFiles, backup: string, child?: ListedFiles) {
    this.backup = backup;
    this.isNewest = child === undefined;
    this.#known = known;
    this.#facts = new Uint8Array(child === undefined ? 4096 : known.names.size);
    if (child === undefined) return;
    for (let number = 0; number < this.#facts.length; number++) {
      if (child.#isInherited(number)) this.#facts[number] = WANTED;
    }
  }

  file(name: string, { isIncremented, isSkipped }: FileState): void {
    const number = this.isNewest ? this.#known.names.add(name) : this.#wanted(name);
    if (number === undefined) return;
    if (number >= this.#facts.length) {
      const larger = new Uint8Array(this.#facts.length * 2);
      larger.set(this.#facts);
      this.#facts = larger;
    }
    const { choice } = this.#known;
    const isWanted = !this.isNewest || choice.isChosen(name);
    if (!isWanted) choice.onLeftOut?.(name);
    this.#facts[number] =
      ((this.#facts[number] ?? 0) & PLACED) |
      LISTED |
      (isWanted ? WANTED : 0) |
      (isIncremented ? INCREMENTED : 0) |
      (isSkipped ? SKIPPED : 0);
  }

  part(name: string, entryNames: readonly string[]): void {
    let isNeeded = false;
    for (const entry of entryNames) {
      if (this.isNewest) {
        // Its list of files may come later.
        isNeeded ||= UTILITY_FILES.has(entry) || this.#known.choice.isChosen(entry);
        continue;
      }
      const number = this.#wanted(entry);
      if (number === undefined) continue;
      isNeeded = true;
      this.#facts[number] = (this.#facts[number] ?? 0) | PLACED;
    }
    if (!isNeeded) this.#unneededParts.add(name);
  }

  /** A full backup without a list, of which a child names the files. */
  beginUnlisted(): void {
    this.isListed = false;
  }

  /** All that the child builds upon is there. */
  checkComplete(child: string): void {
    if (!this.isListed) return;
    const number = this.#first((facts) => (facts & (WANTED | LISTED)) === WANTED);
    if (number === undefined) return;
    const name = this.#known.names.nameOf(number);
    throw new CorruptObjectError(this.backup, `has no ${name}, which ${child} builds upon`);
  }

  /** The full backup: it has no parent that could give more. */
  checkOwn(): void {
    const number = this.#first((facts) => (facts & WANTED) !== 0 && isInherited(facts));
    if (number === undefined) return;
    const name = this.#known.names.nameOf(number);
    throw new CorruptObjectError(this.backup, `has no whole ${name}, and no parent`);
  }

  wants(name: string): boolean {
    if (this.isNewest && UTILITY_FILES.has(name)) return true;
    return this.#wanted(name) !== undefined;
  }

  isIncrement(name: string): boolean {
    const number = this.#known.names.find(name);
    return number !== undefined && ((this.#facts[number] ?? 0) & INCREMENTED) !== 0;
  }

  writtenPages(name: string): WrittenPages | undefined {
    const number = this.#known.names.find(name);
    return number === undefined ? undefined : this.#known.pages.get(number);
  }

  needsMore(name: string): boolean {
    return this.writtenPages(name)?.isComplete !== true;
  }

  markRestored(name: string, shape: IncrementShape | undefined): void {
    const number = this.#known.names.find(name);
    if (number === undefined) return;
    this.#facts[number] = (this.#facts[number] ?? 0) | RESTORED;
    if (shape === undefined) return;
    const { pages } = this.#known;
    const written = pages.get(number) ?? new WrittenPages(shape);
    written.add(shape);
    pages.set(number, written);
  }

  /** Only where the parts' lists name everything that is wanted: then they can be trusted. */
  isRedundant(partName: string): boolean {
    if (!this.#unneededParts.has(partName)) return false;
    this.#isAllPlaced ??=
      this.isNewest || this.#first((facts) => isOwn(facts) && (facts & PLACED) === 0) === undefined;
    return this.#isAllPlaced;
  }

  missing(): readonly string[] {
    const names: string[] = [];
    for (let number = 0; names.length < MISSING_NAMED_MAX; number++) {
      const next = this.#first((facts) => isOwn(facts) && (facts & RESTORED) === 0, number);
      if (next === undefined) break;
      names.push(this.#known.names.nameOf(next));
      number = next;
    }
    return names;
  }

  #isInherited(number: number): boolean {
    const facts = this.#facts[number] ?? 0;
    return (facts & WANTED) !== 0 && isInherited(facts);
  }

  #wanted(name: string): number | undefined {
    const number = this.#known.names.find(name);
    return number !== undefined && ((this.#facts[number] ?? 0) & WANTED) !== 0 ? number : undefined;
  }

  #first(holds: (facts: number) => boolean, from = 0): number | undefined {
    const { size } = this.#known.names;
    for (let number = from; number < size; number++) {
      if (holds(this.#facts[number] ?? 0)) return number;
    }
    return undefined;
  }
}

function isInherited(facts: number): boolean {
  return (facts & (INCREMENTED | SKIPPED)) !== 0;
}

/** Wanted, and with an entry in this backup. */
function isOwn(facts: number): boolean {
  return (facts & WANTED) !== 0 && (facts & SKIPPED) === 0;
}
