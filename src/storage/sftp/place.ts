import { dirname } from "node:path/posix";
import { ObjectExistsError, StorageUnavailableError } from "../errors.ts";
import type { SftpConnection } from "./connection.ts";
import { hasStatus, STATUS } from "./errors.ts";
import { link, pathFacts, removeFile, rename, replace, setTimes, syncFolder } from "./requests.ts";
import type { SftpStore, StoredFile } from "./store.ts";

interface Placing {
  readonly store: SftpStore;
  readonly connection: SftpConnection;
  readonly file: StoredFile;
  readonly temporaryPath: string;
  /** An earlier attempt was not answered: it may have been done. */
  readonly isRepeated: boolean;
}

/** Gives a complete file its name, at one moment, and makes the name durable. */
export async function placeFile(
  placing: Placing,
  options: { readonly ifAbsent: boolean },
): Promise<void> {
  if (options.ifAbsent) await linkName(placing);
  else await replaceName(placing);
  await syncFolder(placing.connection, dirname(placing.file.path));
}

async function replaceName(placing: Placing): Promise<void> {
  const { connection, temporaryPath, file } = placing;
  try {
    await replace(connection, temporaryPath, file.path);
  } catch (error) {
    if (hasStatus(error, STATUS.noSuchFile) && (await wasPlaced(placing))) return;
    if (!hasStatus(error, STATUS.unsupported)) throw error;
    // SFTP's own renaming replaces nothing: a taken name stays as it is.
    if (await isTaken(placing)) throw cannotReplace(placing);
    await rename(connection, temporaryPath, file.path);
  }
}

/** A hard link is refused for a taken name by every server, atomically. */
async function linkName(placing: Placing): Promise<void> {
  const { connection, temporaryPath, file } = placing;
  try {
    await link(connection, temporaryPath, file.path);
  } catch (error) {
    if (hasStatus(error, STATUS.noSuchFile) && (await wasPlaced(placing))) return;
    const isRefused = [STATUS.failure, STATUS.permissionDenied, STATUS.unsupported].some((status) =>
      hasStatus(error, status),
    );
    if (!isRefused) throw error;
    if (!(await isTaken(placing))) return await renameName(placing);
    const isOurs = placing.isRepeated && (await isSameFile(placing));
    if (!isOurs) throw exists(placing, error);
  }
  await removeFile(connection, temporaryPath);
}

/** Without links: SFTP's own renaming, which is to refuse a name that is taken. */
async function renameName(placing: Placing): Promise<void> {
  const { connection, temporaryPath, file } = placing;
  try {
    await rename(connection, temporaryPath, file.path);
  } catch (error) {
    if (hasStatus(error, STATUS.noSuchFile) && (await wasPlaced(placing))) return;
    if (await isTaken(placing)) throw exists(placing, error);
    throw error;
  }
}

/** The temporary name is gone, which only its own placing does. */
async function wasPlaced(placing: Placing): Promise<boolean> {
  return placing.isRepeated && (await isTaken(placing));
}

async function isTaken({ connection, file }: Placing): Promise<boolean> {
  return (await pathFacts(connection, file.path)) !== undefined;
}

/** Whether both names are one file: SFTP shows no inodes, but a time set at one for the other. */
async function isSameFile({ connection, temporaryPath, file }: Placing): Promise<boolean> {
  const own = await pathFacts(connection, temporaryPath);
  if (own === undefined) return false;
  const [accessedSeconds = 0] = crypto.getRandomValues(new Uint32Array(1)).map((n) => n >>> 1);
  const { modifiedSeconds } = own;
  await setTimes(connection, temporaryPath, { accessedSeconds, modifiedSeconds });
  const stored = await pathFacts(connection, file.path);
  return stored?.accessedSeconds === accessedSeconds;
}

function exists({ store, file }: Placing, cause: unknown): ObjectExistsError {
  return new ObjectExistsError({ storage: store.name, key: file.key, cause });
}

function cannotReplace({ store, file }: Placing): StorageUnavailableError {
  return new StorageUnavailableError({
    storage: store.name,
    key: file.key,
    detail: "the server cannot replace a file at one moment (posix-rename@openssh.com)",
    isTransient: false,
    hint: "Use OpenSSH's SFTP server, or another one that has this extension.",
  });
}
