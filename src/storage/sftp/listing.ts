import { isTemporaryName } from "../../base/atomic-file.ts";
import type { ObjectInfo } from "../driver.ts";
import { type FolderRange, mayHoldKeys } from "../folder-range.ts";
import { compareKeys } from "../key-order.ts";
import { isObjectKey, type ObjectKey } from "../object-key.ts";
import type { SftpConnection } from "./connection.ts";
import { type FileFacts, pathFacts, readFolder } from "./requests.ts";

interface Entry {
  /** Below the root; a folder's ends with "/", which is also how it sorts among keys. */
  readonly key: string;
  readonly facts: FileFacts;
}

/** Reads one folder; each reading may go over another connection. */
export type FolderReader = (folder: string) => Promise<readonly Entry[]>;

/** Objects of the range in ascending byte order. */
export async function* listFiles(
  read: FolderReader,
  folder: string,
  range: FolderRange,
): AsyncGenerator<ObjectInfo> {
  const { prefix, after } = range;
  for (const { key, facts } of await read(folder)) {
    if (facts.kind === "directory") {
      if (mayHoldKeys(key, range)) yield* listFiles(read, key, range);
    } else if (key.startsWith(prefix) && (after === undefined || compareKeys(key, after) > 0)) {
      yield infoOf(key as ObjectKey, facts);
    }
  }
}

/** Objects and folders directly under a folder (`""` or ending with "/"). */
export function splitFolder(folder: string, entries: readonly Entry[]) {
  const isFolder = ({ facts }: Entry) => facts.kind === "directory";
  return {
    objects: entries
      .filter((entry) => !isFolder(entry))
      .map(({ key, facts }) => infoOf(key as ObjectKey, facts)),
    folders: entries.filter(isFolder).map(({ key }) => key.slice(folder.length, -1)),
  };
}

/** Files and folders of one folder, sorted; what is unfinished or not ours is left out. */
export async function readEntries(
  connection: SftpConnection,
  root: string,
  folder: string,
): Promise<readonly Entry[]> {
  const found = (await readFolder(connection, `${root}/${folder}`)) ?? [];
  const entries: Entry[] = [];
  for (const named of found) {
    const key = `${folder}${named.name}`;
    if (isTemporaryName(named.name) || !isObjectKey(key)) continue;
    // Listings show links themselves, and names that went away meanwhile are nobody's.
    const facts = named.kind === "link" ? await pathFacts(connection, `${root}/${key}`) : named;
    if (facts?.kind === "file") entries.push({ key, facts });
    else if (facts?.kind === "directory") entries.push({ key: `${key}/`, facts });
  }
  return entries.sort((left, right) => compareKeys(left.key, right.key));
}

export function infoOf(key: ObjectKey, facts: FileFacts): ObjectInfo {
  const { sizeBytes, modifiedSeconds } = facts;
  return { key, sizeBytes, modifiedAt: new Date(modifiedSeconds * 1000) };
}
