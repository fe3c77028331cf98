import { lstatSync } from "node:fs";
import type { DirectoryEntry } from "../../src/database/postgres/data-directory.ts";

/** A file as a walk would give it, where only the name and what is given matter. */
export function entryOf(name: string, change: Partial<DirectoryEntry> = {}): DirectoryEntry {
  return {
    name,
    localPath: name,
    kind: "file",
    sizeBytes: 0,
    mode: 0o600,
    uid: 0,
    gid: 0,
    modifiedAtNs: 0n,
    changedAtNs: 0n,
    inode: 1n,
    bornAtNs: 0n,
    isUnlogged: false,
    linkTarget: "",
    ...change,
  };
}

/** A file of this machine under the given name, with its real times. */
export function entryAt(
  localPath: string,
  name: string,
  change: Partial<DirectoryEntry> = {},
): DirectoryEntry {
  const stats = lstatSync(localPath, { bigint: true });
  return entryOf(name, {
    localPath,
    sizeBytes: Number(stats.size),
    modifiedAtNs: stats.mtimeNs,
    changedAtNs: stats.ctimeNs,
    inode: stats.ino,
    bornAtNs: stats.birthtimeNs,
    ...change,
  });
}
