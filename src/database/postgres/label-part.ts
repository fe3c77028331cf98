import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { FilesystemError, messageOf } from "../../base/errors.ts";
import { ContentHasher, PLAIN_LEAF_BYTES } from "../../stream/content-hash.ts";
import type { TarHeader } from "../../tar/header.ts";
import type { TarItem } from "../../tar/writer.ts";
import type { PartEntry } from "../../transfer/stored-part.ts";
import type { BackupPart } from "../adapter.ts";
import { tarSource } from "./backup-parts.ts";
import { parseControlFile } from "./control-file.ts";

/** Reads of pg_control until its CRC is right: the server may be writing it. */
const CONTROL_READS_MAX = 20;
const CONTROL_READ_PAUSE_MS = 50;

/** A file that is in memory: labels, and pg_control. */
export interface SmallFile {
  readonly name: string;
  readonly content: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modifiedAtSeconds: number;
}

export function controlFilePath(dataDir: string): string {
  return join(dataDir, "global", "pg_control");
}

/** The server may be writing it: it is read until its CRC is right. */
export async function readWholeControlFile(
  path: string,
  options: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  for (let attempt = 1; ; attempt += 1) {
    const content = readable(path, () => readFileSync(path));
    try {
      parseControlFile(content, path);
      return content;
    } catch (error) {
      if (attempt === CONTROL_READS_MAX) throw error;
      await options.clock.sleep(CONTROL_READ_PAUSE_MS, options.signal);
    }
  }
}

/** `pg_control.tar`: stored when every data file has been. */
export async function controlPart(
  dataDir: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<BackupPart> {
  const path = controlFilePath(dataDir);
  const content = await readWholeControlFile(path, { clock, signal });
  const { uid, gid, mtimeMs } = readable(path, () => statSync(path));
  const modifiedAtSeconds = Math.round(mtimeMs / 1000);
  const name = "/global/pg_control";
  return smallPart("pg_control.tar", [{ name, content, mode: 0o600, uid, gid, modifiedAtSeconds }]);
}

function readable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new FilesystemError(path, messageOf(error), { cause: error });
  }
}

/** `backup_label.tar`: what the server returned when the backup mode ended. */
export function labelPart(labels: {
  readonly backupLabel: string;
  readonly tablespaceMap: string;
}): BackupPart {
  const label = (name: string, text: string): SmallFile => ({
    name,
    content: new TextEncoder().encode(text),
    mode: 0o600,
    uid: 0,
    gid: 0,
    modifiedAtSeconds: 0,
  });
  // WAL-G's order; the map is there even when empty.
  return smallPart("backup_label.tar", [
    label("backup_label", labels.backupLabel),
    label("tablespace_map", labels.tablespaceMap),
  ]);
}

/** A part of files that are in memory. */
export function smallPart(name: string, files: readonly SmallFile[]): BackupPart {
  const entries: PartEntry[] = [];
  return {
    name: `tar_partitions/${name}`,
    source: tarSource(() => files.map((file) => itemOf(file, entries))),
    entries: () => entries,
  };
}

function itemOf(file: SmallFile, entries: PartEntry[]): TarItem {
  const { content } = file;
  let position = 0;
  return {
    header: headerOf(file),
    onOffset: (offset) => {
      const hasher = new ContentHasher(PLAIN_LEAF_BYTES, content.byteLength);
      hasher.update(content);
      entries.push({
        path: file.name,
        kind: "whole",
        sizeBytes: content.byteLength,
        xxHash3: hasher.digest().hash,
        offset,
        pageHashes: undefined,
        corruptBlocks: [],
        mode: file.mode,
      });
    },
    content: {
      read: (target) => {
        const piece = content.subarray(position, position + target.byteLength);
        target.set(piece);
        position += piece.byteLength;
        return piece.byteLength;
      },
      observe: () => {},
      close: () => {},
    },
  };
}

function headerOf(file: SmallFile): TarHeader {
  return {
    name: file.name,
    kind: "file",
    sizeBytes: file.content.byteLength,
    mode: file.mode,
    uid: file.uid,
    gid: file.gid,
    userName: "",
    groupName: "",
    modifiedAtSeconds: file.modifiedAtSeconds,
    linkName: "",
  };
}
