import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { FilesystemError, messageOf } from "../../base/errors.ts";
import { GarbagePace } from "../../base/garbage.ts";
import type { Logger } from "../../base/log.ts";
import { removeTree } from "../../base/remove-tree.ts";
import { FolderNames } from "./folder-names.ts";
import { RESTORE_MARKER } from "./restore-target.ts";
import type { RestoreTree } from "./restore-tree.ts";

/** Made by file systems in their topmost folder; root's. */
const NEVER_REMOVED: ReadonlySet<string> = new Set([RESTORE_MARKER, "lost+found"]);

/** A tablespace's folder may serve servers of several versions, each below such a name. */
const VERSION_FOLDER = /^PG_(\d+(?:\.\d+)?)_\d+$/;

/**
 * Removes what the restore did not bring from a target that held an earlier state. Links are
 * removed, never followed, but for those of the tablespaces; in a tablespace only what is of this
 * server's version.
 */
export function removeExtras(
  tree: RestoreTree,
  options: { readonly majorVersion: string; readonly log: Logger },
): void {
  let count = 0;
  const remove = (path: string) => {
    const full = tree.pathOf(path);
    if (/^pg_tblspc\/[^/]+$/.test(path) && lstatSync(full).isSymbolicLink()) {
      options.log.warning(`${path} is no tablespace of the backup: ${readlinkSync(full)} is left`);
    }
    try {
      removeTree(full);
    } catch (cause) {
      throw new FilesystemError(full, `cannot be removed: ${messageOf(cause)}`, { cause });
    }
    count += 1;
    options.log.debug(`${path} is not in the backup: removed`);
  };
  const garbage = new GarbagePace();
  const sweep = (folder: string) => {
    for (const name of namesOf(tree, folder)) {
      garbage.passed();
      const path = folder === "" ? name : `${folder}/${name}`;
      if (folder === "" && NEVER_REMOVED.has(name)) continue;
      if (tree.isTablespace(folder) && !isOwn(name, options.majorVersion)) continue;
      if (tree.kept.find(path) === undefined) {
        remove(path);
        continue;
      }
      const isFolder = lstatSync(tree.pathOf(path)).isDirectory() || tree.isTablespace(path);
      if (isFolder) sweep(path);
    }
  };
  sweep("");
  if (count > 0) options.log.info(`${count} files or folders that the backup lacks were removed`);
}

function isOwn(name: string, majorVersion: string): boolean {
  return VERSION_FOLDER.exec(name)?.[1] === majorVersion;
}

function namesOf(tree: RestoreTree, folder: string): FolderNames {
  const full = tree.pathOf(folder);
  try {
    return new FolderNames(readdirSync(full));
  } catch (cause) {
    throw new FilesystemError(full, `cannot be listed: ${messageOf(cause)}`, { cause });
  }
}
