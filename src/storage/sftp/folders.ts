import { dirname } from "node:path/posix";
import type { SftpConnection } from "./connection.ts";
import { hasStatus, STATUS } from "./errors.ts";
import { makeFolder, pathFacts, removeFolder, syncFolder } from "./requests.ts";
import type { SftpStore } from "./store.ts";

/** As `mkdir -p` below the base, with every new name durable. Never creates the base itself. */
export async function makeFolders(
  store: SftpStore,
  connection: SftpConnection,
  path: string,
): Promise<void> {
  if (path.length <= store.base.length) return;
  try {
    await makeFolder(connection, path);
  } catch (error) {
    if (hasStatus(error, STATUS.noSuchFile)) {
      const parent = dirname(path);
      if (parent.length <= store.base.length) throw error;
      await makeFolders(store, connection, parent);
      return makeFolders(store, connection, path);
    }
    const isThere = (await pathFacts(connection, path))?.kind === "directory";
    if (!isThere) throw error;
    return;
  }
  await syncFolder(connection, dirname(path));
}

/** Removes a folder that became empty, and its parents likewise, but never `root`. */
export async function removeEmptyFolders(
  connection: SftpConnection,
  path: string,
  root: string,
): Promise<void> {
  for (let folder = path; folder.length > root.length; folder = dirname(folder)) {
    try {
      await removeFolder(connection, folder);
    } catch (error) {
      if (hasStatus(error, STATUS.noSuchFile)) continue;
      // It is not empty, which servers tell by no code of its own.
      if (hasStatus(error, STATUS.failure) || hasStatus(error, STATUS.permissionDenied)) return;
      throw error;
    }
  }
}
