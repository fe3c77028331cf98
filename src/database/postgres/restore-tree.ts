import {
  chmodSync,
  constants,
  fchmodSync,
  fchownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  rmSync,
  type Stats,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { syncDirectory } from "../../base/atomic-file.ts";
import { CorruptObjectError, errnoOf, FilesystemError, messageOf } from "../../base/errors.ts";
import { NameTable } from "./name-table.ts";
import type { Owner, RestoreTarget } from "./restore-target.ts";
import { TablespaceError } from "./tablespace-links.ts";

const { O_CREAT, O_NOFOLLOW, O_RDWR, O_TRUNC, O_WRONLY } = constants;

/**
 * The files of one restore below its target. Nothing is written outside the target and the mapped
 * tablespaces, whatever the names in a tar say: no `..`, and no way through a symbolic link but
 * those of the tablespaces. Paths are relative, `/` between their parts, empty for the target.
 */
export class RestoreTree {
  readonly dir: string;
  /** The target holds an earlier state: what is there is compared, and gives way. */
  readonly isCompared: boolean;
  /** Paths of everything that the restore brought; only where the target held something. */
  readonly kept = new NameTable();
  readonly #owner: Owner | undefined;
  /** Directories that exist, with the mode that they get at the end (tar entries name it). */
  readonly #directories = new Map<string, number>([["", 0o700]]);
  /** Links are made at the end: nothing can be written through them. */
  readonly #links = new Map<string, string>();
  readonly #tablespaces: ReadonlySet<string>;

  constructor(target: RestoreTarget) {
    this.dir = target.dir;
    this.isCompared = target.isCompared;
    this.#owner = target.owner;
    const links = target.links.map(({ oid }) => `pg_tblspc/${oid}`);
    this.#tablespaces = new Set(links);
    for (const { oid, location } of target.links) {
      this.#parentOf(`pg_tblspc/${oid}`);
      const path = join(this.dir, "pg_tblspc", oid);
      this.#placeLink(path, location);
      this.#directories.set(`pg_tblspc/${oid}`, 0o700);
      this.#keep(`pg_tblspc/${oid}`);
    }
  }

  isTablespace(path: string): boolean {
    return this.#tablespaces.has(path);
  }

  /** Whether this restore made or met the directory. */
  hasDirectory(path: string): boolean {
    return this.#directories.has(path);
  }

  pathOf(path: string): string {
    return path === "" ? this.dir : join(this.dir, path);
  }

  /** Makes a directory and what is missing above it; `mode` is set when everything is there. */
  directory(path: string, mode?: number): void {
    if (!this.#directories.has(path)) {
      this.#parentOf(path);
      this.#make(path);
    }
    this.#keep(path);
    if (mode !== undefined && path !== "") this.#directories.set(path, mode);
  }

  /**
   * Opens a file that this restore has not touched yet, with its final mode and owner: for
   * writing from its start or, where the target is compared, with the content that it has.
   */
  create(path: string, mode: number): number {
    this.#keep(path);
    if (!this.isCompared) return this.#open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    this.#parentOf(path);
    const full = this.pathOf(path);
    this.#clearWay(full, (stats) => stats.isFile() && stats.nlink === 1);
    this.#guard(full, () => makeUsable(full, 0o600));
    return this.#open(path, O_RDWR | O_CREAT, mode);
  }

  /** Makes the folders above the path; links and files in their places give way. */
  makeParents(path: string): void {
    this.#parentOf(path);
  }

  /** Opens a file that a newer backup of the chain began. */
  openExisting(path: string): number {
    return this.#open(path, O_RDWR, undefined);
  }

  /** Remembers a symbolic link. */
  link(path: string, target: string): void {
    if (path === "pg_wal" || this.#directories.has(path)) return;
    if (/^pg_tblspc\/[^/]+$/.test(path)) {
      throw new TablespaceError(`the backup links ${path} to ${target}, which is not mapped`);
    }
    this.#links.set(path, target);
    this.#keep(path);
  }

  remove(path: string): void {
    this.#guard(path, () => rmSync(this.pathOf(path), { force: true }));
  }

  /** Makes the links, sets the directories' modes and makes all names durable. */
  finish(isDurable: boolean): void {
    for (const [path, target] of this.#links) this.#makeLink(path, target);
    for (const [path, mode] of this.#directories) {
      const full = this.pathOf(path);
      this.#guard(full, () => chmodSync(full, path === "" ? 0o700 : mode));
      if (isDurable) this.#guard(full, () => syncDirectory(full));
    }
  }

  #open(path: string, flags: number, mode: number | undefined): number {
    this.#parentOf(path);
    const full = this.pathOf(path);
    return this.#guard(full, () => {
      const descriptor = openSync(full, flags | O_NOFOLLOW, 0o600);
      if (mode !== undefined) fchmodSync(descriptor, mode);
      if (this.#owner !== undefined) fchownSync(descriptor, this.#owner.uid, this.#owner.gid);
      return descriptor;
    });
  }

  #parentOf(path: string): void {
    const slash = path.lastIndexOf("/");
    const parent = slash === -1 ? "" : path.slice(0, slash);
    if (this.#directories.has(parent)) return;
    this.#parentOf(parent);
    this.#make(parent);
  }

  #make(path: string): void {
    const full = this.pathOf(path);
    this.#guard(full, () => {
      try {
        if (this.isCompared) {
          this.#clearWay(full, (stats) => stats.isDirectory());
          makeUsable(full, 0o700);
        }
        mkdirSync(full, 0o700);
      } catch (error) {
        // Through a link it would lie elsewhere; a file there would be a broken backup.
        if (errnoOf(error) !== "EEXIST" || !lstatSync(full).isDirectory()) throw error;
      }
      if (this.#owner !== undefined) lchownSync(full, this.#owner.uid, this.#owner.gid);
    });
    this.#directories.set(path, 0o700);
    this.#keep(path);
  }

  #makeLink(path: string, target: string): void {
    this.#parentOf(path);
    this.#placeLink(this.pathOf(path), target);
  }

  #placeLink(full: string, target: string): void {
    this.#guard(full, () => {
      const isSame = (stats: Stats) => stats.isSymbolicLink() && readlinkSync(full) === target;
      if (this.isCompared) this.#clearWay(full, isSame);
      try {
        symlinkSync(target, full);
      } catch (error) {
        if (errnoOf(error) !== "EEXIST" || readlinkSync(full) !== target) throw error;
      }
      if (this.#owner !== undefined) lchownSync(full, this.#owner.uid, this.#owner.gid);
    });
  }

  #keep(path: string): void {
    if (this.isCompared) this.kept.add(path);
  }

  /**
   * Removes what lies at the path unless it `fits`. Links are removed, never followed; a file with
   * a second name is left to that name, since writing would change it there.
   */
  #clearWay(full: string, fits: (stats: Stats) => boolean): void {
    this.#guard(full, () => {
      const stats = lstatSync(full, { throwIfNoEntry: false });
      if (stats !== undefined && !fits(stats)) rmSync(full, { recursive: true });
    });
  }

  #guard<T>(path: string, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (cause instanceof FilesystemError) throw cause;
      throw new FilesystemError(path, `cannot be restored: ${messageOf(cause)}`, { cause });
    }
  }
}

/** Somebody may have taken away the owner's rights that the restore needs. */
function makeUsable(full: string, needed: number): void {
  const stats = lstatSync(full, { throwIfNoEntry: false });
  if (stats !== undefined && (stats.mode & needed) !== needed) chmodSync(full, needed);
}

/**
 * Tar entry name → path below the target: with or without leading slash or `./`, as local and
 * remote backups have it. What would leave the target is refused.
 */
export function targetPathOf(name: string, what: string): string {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..") || name.includes("\0")) {
    throw new CorruptObjectError(what, `its entry ${JSON.stringify(name)} leaves the target`, {
      hint: "This is no backup that WAL-G or tidemark wrote; do not trust it.",
    });
  }
  return parts.join("/");
}
