import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ChangeRecord } from "../../src/delta/changed-pages.ts";
import { type RelationFile, relationFileOf } from "../../src/delta/relation-file.ts";
import { relationFiles } from "./relation-files.ts";

const PAGE = 8192;

export interface RecordVerdict {
  /** Pages of files that both copies have and that differ. */
  readonly differing: number;
  /** Pages that the record names. */
  readonly named: number;
  readonly pages: number;
  /** Files whose every page is named, and those with some and with none. */
  readonly files: Readonly<Record<"all" | "some" | "none", number>>;
  /** Differing pages that the record does not name. */
  readonly lost: readonly string[];
}

export interface Copies {
  readonly before: string;
  readonly after: string;
  /** Of an SP-GiST index: its first page caches what it never logs. */
  readonly cachePath: string;
}

/** Holds the record against two copies. Files that only one has are not its matter. */
export function judgeRecord(
  record: ChangeRecord,
  { before, after, cachePath }: Copies,
): RecordVerdict {
  const paths = new Set(relationFiles(after));
  const old = new Set(relationFiles(before));
  const count = { all: 0, some: 0, none: 0 };
  const lost: string[] = [];
  let [differing, named, pages] = [0, 0, 0];
  for (const file of relationFilesOf(paths)) {
    const isUnlogged = paths.has(`${file.path}_init`);
    if (file.fork !== "main" || isUnlogged || !old.has(file.path)) continue;
    const bytes = [
      readFileSync(join(before, file.path)),
      readFileSync(join(after, file.path)),
    ] as const;
    if (file.path === cachePath) for (const content of bytes) maskCache(content);
    const blocks = differingBlocks(...bytes);
    const blockCount = bytes[1].byteLength / PAGE;
    const changed = record.changedBlocks(file, blockCount);
    pages += blockCount;
    differing += blocks.length;
    named += changed === "all" ? blockCount : changed.length;
    count[changed === "all" ? "all" : changed.length > 0 ? "some" : "none"] += 1;
    if (changed === "all") continue;
    const set = new Set(changed);
    lost.push(...blocks.filter((block) => !set.has(block)).map((block) => `${file.path} ${block}`));
  }
  return { differing, named, pages, files: count, lost };
}

/** The files among these paths that have pages. */
export function relationFilesOf(paths: Iterable<string>): readonly RelationFile[] {
  return [...paths].flatMap((path) => relationFileOf(path) ?? []);
}

/** Clears what lies between a metapage's magic and its end, and the checksum over it. */
function maskCache(content: Buffer): void {
  content.fill(0, 28, content.readUInt16LE(16));
  content.writeUInt16LE(0, 8);
}

/** A page past the end of the old file differs unless it is zero: a restore fills with zeros. */
function differingBlocks(before: Buffer, after: Buffer): number[] {
  const found: number[] = [];
  const zeros = Buffer.alloc(PAGE);
  for (let at = 0; at < after.byteLength; at += PAGE) {
    const old = at < before.byteLength ? before.subarray(at, at + PAGE) : zeros;
    if (!after.subarray(at, at + PAGE).equals(old)) found.push(at / PAGE);
  }
  return found;
}
