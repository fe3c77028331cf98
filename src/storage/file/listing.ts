import { type Dirent, readdirSync, statSync } from "node:fs";
import { isTemporaryName } from "../../base/atomic-file.ts";
import type { ObjectInfo } from "../driver.ts";
import { type FolderRange, mayHoldKeys } from "../folder-range.ts";
import { compareKeys } from "../key-order.ts";
import { isObjectKey, type ObjectKey } from "../object-key.ts";
import { isAbsence, toStorageError } from "./errors.ts";
import { factsOf } from "./file-facts.ts";

interface Directory {
  readonly root: string;
  readonly storage: string;
}

interface Entry {
  /** Below the root; a directory's ends with "/", which is also how it sorts among keys. */
  readonly key: string;
  readonly isDirectory: boolean;
}

/** Objects whose key starts with `prefix` and is past `after`, in ascending byte order. */
export function* listFiles(directory: Directory, options: FolderRange): Generator<ObjectInfo> {
  const start = options.prefix.slice(0, options.prefix.lastIndexOf("/") + 1);
  yield* walk(directory, start, options);
}

function* walk(directory: Directory, folder: string, options: FolderRange): Generator<ObjectInfo> {
  const { prefix, after } = options;
  for (const entry of readFolder(directory, folder)) {
    if (entry.isDirectory) {
      if (mayHoldKeys(entry.key, options)) yield* walk(directory, entry.key, options);
      continue;
    }
    if (!entry.key.startsWith(prefix)) continue;
    if (after !== undefined && compareKeys(entry.key, after) <= 0) continue;
    const info = infoOf(directory, entry.key);
    if (info !== undefined) yield info;
  }
}

/** Objects and folders directly under a folder (`""` or ending with "/"). */
export function listFolderFiles(directory: Directory, folder: string) {
  const objects: ObjectInfo[] = [];
  const folders: string[] = [];
  for (const entry of readFolder(directory, folder)) {
    if (entry.isDirectory) {
      folders.push(entry.key.slice(folder.length, -1));
      continue;
    }
    const info = infoOf(directory, entry.key);
    if (info !== undefined) objects.push(info);
  }
  return { objects, folders };
}

function readFolder(directory: Directory, folder: string): Entry[] {
  const found = readNames(directory, folder);
  const entries: Entry[] = [];
  for (const dirent of found) {
    if (isTemporaryName(dirent.name)) continue;
    const isDirectory = isDirectoryEntry(directory, folder, dirent);
    if (isDirectory === undefined) continue;
    const key = `${folder}${dirent.name}`;
    if (isObjectKey(key)) entries.push({ key: isDirectory ? `${key}/` : key, isDirectory });
  }
  return entries.sort((left, right) => compareKeys(left.key, right.key));
}

function readNames(directory: Directory, folder: string): Dirent[] {
  try {
    return readdirSync(`${directory.root}/${folder}`, { withFileTypes: true });
  } catch (error) {
    if (isAbsence(error)) return [];
    throw toStorageError(error, {
      storage: directory.storage,
      key: folder === "" ? undefined : folder,
    });
  }
}

/** undefined: neither a file nor a directory, or gone meanwhile. */
function isDirectoryEntry(
  directory: Directory,
  folder: string,
  dirent: Dirent,
): boolean | undefined {
  if (dirent.isDirectory()) return true;
  if (dirent.isFile()) return false;
  const path = `${directory.root}/${folder}${dirent.name}`;
  try {
    const status = statSync(path);
    if (status.isDirectory()) return true;
    return status.isFile() ? false : undefined;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw toStorageError(error, { storage: directory.storage, key: `${folder}${dirent.name}` });
  }
}

/** undefined: it went away after its name was read. */
function infoOf(directory: Directory, key: string): ObjectInfo | undefined {
  try {
    const status = statSync(`${directory.root}/${key}`, { bigint: true });
    return { key: key as ObjectKey, ...factsOf(status) };
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw toStorageError(error, { storage: directory.storage, key });
  }
}
