import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { formatLsn, toLsn } from "../../src/delta/lsn.ts";
import { isPageIntact, PageWindow } from "../../src/delta/page-check.ts";
import { firstBlock, type RelationFile, relationFileOf } from "../../src/delta/relation-file.ts";
import { maskPage, type PageKind, type PageMask } from "./page-truth-mask.ts";

const PAGE_BYTES = 8192;
const ZERO_PAGE = Buffer.alloc(PAGE_BYTES);

/** What a server says of a relation's file. */
export interface RelationFacts {
  readonly name: string;
  readonly kind: PageKind;
  readonly isLogged: boolean;
}

/** By path of the first segment of the main fork: `base/5/16390`. */
export type RelationMap = ReadonlyMap<string, RelationFacts>;

export interface PageDifference {
  readonly path: string;
  readonly relation: string;
  readonly fork: string;
  /** Within the fork. */
  readonly block: number;
  /** undefined: there is no such page. */
  readonly expectedLsn: string | undefined;
  readonly actualLsn: string | undefined;
  /** Offsets of the first bytes that differ. */
  readonly offsets: readonly number[];
}

export interface TreeComparison {
  /** The directory that is right. */
  readonly expected: string;
  readonly actual: string;
  readonly mask: PageMask;
  readonly relations: RelationMap;
  /** Leaves out files that no relation has: a crash in a transaction that made them left them. */
  readonly isKnownOnly?: boolean;
  /** Default: all forks. */
  readonly forks?: readonly RelationFile["fork"][];
}

export interface Comparison {
  readonly pages: number;
  readonly differing: number;
  /** The first of them. */
  readonly differences: readonly PageDifference[];
}

const DIFFERENCES_MAX = 8;

/**
 * Compares the relations of two data directories page by page. Unlogged relations (their `_init`
 * fork tells) are left out but for that fork: a server empties them when it recovers.
 */
export function compareTrees(task: TreeComparison): Comparison {
  const expected = relationFiles(task.expected);
  const actual = relationFiles(task.actual);
  const found: PageDifference[] = [];
  let pages = 0;
  let differing = 0;
  for (const path of new Set([...expected.keys(), ...actual.keys()])) {
    const file = expected.get(path) ?? actual.get(path);
    if (file === undefined || !counts(task, file, expected)) continue;
    const one = new FileComparison(task, file, [expected.has(path), actual.has(path)]);
    pages += one.blockCount;
    for (const difference of one.differences()) {
      differing += 1;
      if (found.length < DIFFERENCES_MAX) found.push(difference);
    }
  }
  return { pages, differing, differences: found };
}

/** The files that a server reads in pages, by path. */
export function relationFiles(dataDir: string): ReadonlyMap<string, RelationFile> {
  const folders = ["global", ...foldersIn(dataDir, "base")];
  for (const tablespace of foldersIn(dataDir, "pg_tblspc")) {
    for (const version of foldersIn(dataDir, tablespace)) {
      folders.push(...foldersIn(dataDir, version));
    }
  }
  const files = folders.flatMap((folder) =>
    readdirSync(join(dataDir, folder)).flatMap((name) => {
      const file = relationFileOf(`${folder}/${name}`);
      return file === undefined ? [] : [[file.path, file] as const];
    }),
  );
  return new Map(files);
}

/** Pages of a cluster with checksums that a server would refuse. */
export function brokenPages(dataDir: string): readonly string[] {
  const window = new PageWindow(PAGE_BYTES);
  return [...relationFiles(dataDir).values()].flatMap((file) => {
    const bytes = readFileSync(join(dataDir, file.path));
    const first = firstBlock(file, PAGE_BYTES);
    return Array.from({ length: Math.floor(bytes.byteLength / PAGE_BYTES) }, (_, block) =>
      isPageIntact(window.wordsOf(pageOf(bytes, block)), first + block)
        ? []
        : [`${file.path} block ${block}`],
    ).flat();
  });
}

/**
 * Heap pages that the visibility map calls all-visible while they do not say so themselves: the
 * server would never clear that bit, and index-only scans would show rows that are gone.
 */
export function falselyVisiblePages(dataDir: string): readonly string[] {
  const files = relationFiles(dataDir);
  return [...files.values()]
    .filter(({ fork, path }) => fork === "vm" && !files.has(path.replace("_vm", "_init")))
    .flatMap(({ path }) => falselyVisibleIn(dataDir, path));
}

function falselyVisibleIn(dataDir: string, mapPath: string): readonly string[] {
  const heapPath = mapPath.replace("_vm", "");
  if (sizeOf(dataDir, heapPath) === 0) return [];
  const map = readFileSync(join(dataDir, mapPath));
  const heap = readFileSync(join(dataDir, heapPath));
  const found: string[] = [];
  const bytesPerPage = PAGE_BYTES - 24;
  for (let block = 0; (block + 1) * PAGE_BYTES <= heap.byteLength; block += 1) {
    const mapByte = Math.floor(block / 4);
    const at = Math.floor(mapByte / bytesPerPage) * PAGE_BYTES + 24 + (mapByte % bytesPerPage);
    const isAllVisible = (((map[at] ?? 0) >> ((block % 4) * 2)) & 1) !== 0;
    const saysSo = (heap.readUInt16LE(block * PAGE_BYTES + 10) & 4) !== 0;
    if (isAllVisible && !saysSo) found.push(`${heapPath} block ${block}`);
  }
  return found;
}

function counts(
  task: TreeComparison,
  file: RelationFile,
  files: ReadonlyMap<string, RelationFile>,
): boolean {
  if (task.forks !== undefined && !task.forks.includes(file.fork)) return false;
  const main = mainPathOf(file);
  const isUnlogged = files.has(`${main}_init`);
  if (isUnlogged && file.fork !== "init") return false;
  const facts = task.relations.get(main);
  return facts === undefined ? task.isKnownOnly !== true : facts.isLogged;
}

/** Compares one file. What lies past the end of the shorter one counts as zeros. */
class FileComparison {
  readonly blockCount: number;
  readonly #task: TreeComparison;
  readonly #file: RelationFile;
  readonly #facts: RelationFacts | undefined;
  readonly #expected: Buffer;
  readonly #actual: Buffer;

  constructor(task: TreeComparison, file: RelationFile, exists: readonly [boolean, boolean]) {
    this.#task = task;
    this.#file = file;
    this.#facts = task.relations.get(mainPathOf(file));
    this.#expected = exists[0] ? readFileSync(join(task.expected, file.path)) : Buffer.alloc(0);
    this.#actual = exists[1] ? readFileSync(join(task.actual, file.path)) : Buffer.alloc(0);
    const longest = Math.max(this.#expected.byteLength, this.#actual.byteLength);
    this.blockCount = Math.ceil(longest / PAGE_BYTES);
  }

  *differences(): Generator<PageDifference> {
    if (this.#expected.equals(this.#actual)) return;
    for (let block = 0; block < this.blockCount; block += 1) {
      const expected = pageOf(this.#expected, block);
      const actual = pageOf(this.#actual, block);
      if (expected.equals(actual)) continue;
      const offsets = this.#differingOffsets(expected, actual, block);
      if (offsets.length === 0) continue;
      yield {
        path: this.#file.path,
        relation: this.#facts?.name ?? "?",
        fork: this.#file.fork,
        block: firstBlock(this.#file, PAGE_BYTES) + block,
        expectedLsn: lsnOf(this.#expected, block),
        actualLsn: lsnOf(this.#actual, block),
        offsets,
      };
    }
  }

  #differingOffsets(expected: Buffer, actual: Buffer, block: number): readonly number[] {
    const pages = [Buffer.from(expected), Buffer.from(actual)] as const;
    const kind = this.#facts?.kind;
    if (this.#file.fork === "main" && kind !== undefined) {
      const mask = {
        kind,
        mask: this.#task.mask,
        block: firstBlock(this.#file, PAGE_BYTES) + block,
      };
      for (const page of pages) maskPage(page, mask);
    }
    const offsets: number[] = [];
    for (let at = 0; at < PAGE_BYTES && offsets.length < 8; at += 1) {
      if (pages[0][at] !== pages[1][at]) offsets.push(at);
    }
    return offsets;
  }
}

/** The bytes of a page; zeros where the file has none. */
function pageOf(bytes: Buffer, block: number): Buffer {
  const start = block * PAGE_BYTES;
  if (start + PAGE_BYTES <= bytes.byteLength) return bytes.subarray(start, start + PAGE_BYTES);
  return start >= bytes.byteLength
    ? ZERO_PAGE
    : Buffer.concat([bytes.subarray(start), ZERO_PAGE], PAGE_BYTES);
}

function lsnOf(bytes: Buffer, block: number): string | undefined {
  const start = block * PAGE_BYTES;
  if (start + 8 > bytes.byteLength) return undefined;
  const high = BigInt(bytes.readUInt32LE(start));
  return formatLsn(toLsn((high << 32n) | BigInt(bytes.readUInt32LE(start + 4))));
}

function mainPathOf({ path }: RelationFile): string {
  return path.replace(/(?:_(?:fsm|vm|init))?(?:\.\d+)?$/, "");
}

function foldersIn(dataDir: string, folder: string): readonly string[] {
  return readdirSync(join(dataDir, folder))
    .filter((name) => statSync(join(dataDir, folder, name)).isDirectory())
    .map((name) => `${folder}/${name}`);
}

function sizeOf(dataDir: string, path: string): number {
  return statSync(join(dataDir, path), { throwIfNoEntry: false })?.size ?? 0;
}
