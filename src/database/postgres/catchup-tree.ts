import { existsSync, lstatSync, readdirSync, rmdirSync, rmSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { FilesystemError, messageOf } from "../../base/errors.ts";
import { removeTree } from "../../base/remove-tree.ts";
import type { CatchupStandby } from "./catchup-standby.ts";
import { CONTROL_AFTER, CONTROL_BEFORE, CONTROL_PATH } from "./catchup-standby.ts";
import { RestoreTree } from "./restore-tree.ts";
import type { TablespaceLink } from "./tablespace-links.ts";

/** Files at the top that come from the other side; all others there are the standby's own. */
const BROUGHT_FILES: ReadonlySet<string> = new Set(["PG_VERSION", "backup_label"]);

/** Of the server that ran on the other side, or of a standby: of no use, or harmful. */
const NEVER_BROUGHT: ReadonlySet<string> = new Set([
  // The links of the tablespaces are the standby's: the map would move them to the other side's.
  "tablespace_map",
  "postmaster.pid",
  "postmaster.opts",
  "standby.signal",
  "recovery.signal",
]);

/** Folders whose content the server made: only there is what the other side lacks removed. */
const MIRRORED: readonly string[] = [
  "base",
  "global",
  "pg_xact",
  "pg_multixact",
  "pg_commit_ts",
  "pg_twophase",
  "pg_logical",
  "pg_stat",
];

const KEPT_GLOBAL: ReadonlySet<string> = new Set([CONTROL_PATH, CONTROL_BEFORE, CONTROL_AFTER]);

/** The standby's directory while it is brought forward. */
export class CatchupTree extends RestoreTree {
  readonly #majorVersion: string;
  readonly #links: readonly TablespaceLink[];

  /** `links`: the tablespaces that the result has, each at the standby's own place. */
  constructor(standby: CatchupStandby, links: readonly TablespaceLink[]) {
    super({ dir: standby.dataDir, links, owner: standby.owner, isCompared: true });
    this.#majorVersion = standby.majorVersion;
    this.#links = links;
  }

  /** Where a file goes; undefined: the standby keeps its own, or has no use for it. */
  place(path: string): string | undefined {
    if (path === CONTROL_PATH) return CONTROL_AFTER;
    if (NEVER_BROUGHT.has(path)) return undefined;
    const isOwn = !path.includes("/") && !BROUGHT_FILES.has(path);
    return isOwn && existsSync(this.pathOf(path)) ? undefined : path;
  }

  /** Folders at the top that are there stay as they are: pg_wal may be a link. */
  override directory(path: string, mode?: number): void {
    if (!path.includes("/") && existsSync(this.pathOf(path)) && !MIRRORED.includes(path)) return;
    super.directory(path, mode);
  }

  /** A link of the user's own, to a certificate or a log: each side has its own. */
  override link(path: string, target: string): void {
    if (lstatSync(this.pathOf(path), { throwIfNoEntry: false }) === undefined) {
      super.link(path, target);
    }
  }

  /** Removes what the other side has no more: relations, databases, tablespaces, states. */
  removeDropped(dropped: readonly TablespaceLink[]): void {
    for (const folder of MIRRORED) this.#prune(folder);
    const ofVersion = (name: string) => name.startsWith(`PG_${this.#majorVersion}_`);
    for (const { oid } of this.#links) {
      for (const name of this.#names(`pg_tblspc/${oid}`).filter(ofVersion)) {
        this.#prune(`pg_tblspc/${oid}/${name}`);
      }
    }
    for (const { oid } of dropped) {
      // Others may have put folders of theirs there.
      for (const name of this.#names(`pg_tblspc/${oid}`).filter(ofVersion)) {
        removeTree(this.pathOf(`pg_tblspc/${oid}/${name}`));
      }
      unlinkSync(this.pathOf(`pg_tblspc/${oid}`));
    }
    rmSync(this.pathOf("tablespace_map"), { force: true });
  }

  #prune(folder: string): void {
    for (const name of this.#names(folder)) {
      const path = `${folder}/${name}`;
      const full = this.pathOf(path);
      const isKept = this.kept.find(path) !== undefined || KEPT_GLOBAL.has(path);
      try {
        if (!lstatSync(full).isDirectory()) {
          if (!isKept) unlinkSync(full);
          continue;
        }
        this.#prune(path);
        if (!isKept) rmdirSync(full);
      } catch (cause) {
        throw new FilesystemError(full, `cannot be removed: ${messageOf(cause)}`, { cause });
      }
    }
  }

  #names(folder: string): readonly string[] {
    const full = join(this.dir, folder);
    return existsSync(full) ? readdirSync(full) : [];
  }
}
