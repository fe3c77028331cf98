import type { ChangeRecord } from "../../delta/changed-pages.ts";
import { PAGE_BYTES } from "../../delta/increment-format.ts";
import { incrementBytes } from "../../delta/increment-writer.ts";
import { PageWindow } from "../../delta/page-check.ts";
import { type RelationFile, relationFileOf } from "../../delta/relation-file.ts";
import { ContentHasher, PAGE_LEAF_BYTES, PLAIN_LEAF_BYTES } from "../../stream/content-hash.ts";
import { BackupFile, type PackedFile } from "./backup-file.ts";
import { type DirectoryEntry, describeFile } from "./data-directory.ts";
import type { DeltaBase } from "./delta-base.ts";
import { type FileMark, identityOf, stateOf } from "./file-mark.ts";
import { SCAN_BYTES, type ScanBuffers, scanFile } from "./file-scan.ts";
import { IncrementFile } from "./increment-file.ts";
import { type FileReading, isIncrementable, OpenedFile } from "./opened-file.ts";

/** A file that has not changed since the parent: nothing of it is stored. */
export interface UnchangedFile {
  readonly kind: "unchanged";
  readonly mark: FileMark;
}

/** undefined: the file vanished. */
export type FilePlan = PackedFile | UnchangedFile | undefined;

/** How each file gets into a part. `buffers` are those of the part. */
export interface FilePlanner {
  plan(entry: DirectoryEntry, buffers: ScanBuffers): FilePlan | Promise<FilePlan>;
}

/** A full backup stores every file whole. */
export function wholeFiles(reading: FileReading): FilePlanner {
  return { plan: (entry) => BackupFile.open(entry, reading) };
}

/** What a delta builds on, and how it finds changed pages. */
export interface DeltaSource {
  readonly base: Pick<DeltaBase, "files" | "sinceLsn" | "startedAtNs">;
  /** undefined: by looking at all pages. */
  readonly record: ChangeRecord | undefined;
  /** See `Delta` in delta-begin.ts. */
  readonly hasSilentChanges: boolean;
}

/** What a delta did with files that were not simply scanned, for the log. */
export interface DeltaCounts {
  /** Stored whole, since another file of the same name is in the parent. */
  replaced: number;
  /** Stored whole, since a page had a header that no server writes. */
  unjudged: number;
}

/**
 * A delta backup: pages that changed of relations whose pages carry LSNs, nothing of other files
 * that are as they were, and whatever is left whole. That a file is as it was is never decided by
 * its time of modification: see `stateOf`, and where that proves nothing the content is compared.
 */
export class DeltaFiles implements FilePlanner {
  readonly counts: DeltaCounts = { replaced: 0, unjudged: 0 };
  readonly #base: DeltaSource["base"];
  readonly #record: ChangeRecord | undefined;
  readonly #hasSilentChanges: boolean;
  readonly #reading: FileReading;

  constructor({ base, record, hasSilentChanges }: DeltaSource, reading: FileReading) {
    this.#base = base;
    this.#record = record;
    this.#hasSilentChanges = hasSilentChanges;
    this.#reading = reading;
  }

  async plan(entry: DirectoryEntry, buffers: ScanBuffers): Promise<FilePlan> {
    const reading = this.#reading;
    const known = this.#base.files.mark(entry.name);
    if (known === undefined) return BackupFile.open(entry, reading);
    const relation = relationFileOf(entry.name.slice(1));
    if (!isIncrementable(relation, entry) || this.#wasUnlogged(relation)) {
      return await this.#compared(entry, known, buffers);
    }
    if (this.#isReplaced(entry, known)) {
      this.counts.replaced += 1;
      return BackupFile.open(entry, reading);
    }
    return await this.#increment(entry, relation, known, buffers);
  }

  /** An unlogged relation that has become a logged one keeps pages that no LSN tells of. */
  #wasUnlogged({ path, relation }: RelationFile): boolean {
    const folder = path.slice(0, path.lastIndexOf("/"));
    return this.#base.files.has(`/${folder}/${relation}_init`);
  }

  /**
   * Pages of a file that was copied, restored or made again under an old name may differ from the
   * parent's and still have older LSNs. Without the parent's word (WAL-G wrote it) a file that was
   * born after it counts as another one, and so does one whose birth the file system does not know.
   */
  #isReplaced(entry: DirectoryEntry, known: FileMark): boolean {
    if (known.kind === "identity") return known.value !== identityOf(entry);
    const { startedAtNs } = this.#base;
    if (startedAtNs === undefined) return false;
    return entry.bornAtNs === 0n || entry.bornAtNs >= startedAtNs;
  }

  async #increment(
    entry: DirectoryEntry,
    relation: RelationFile,
    known: FileMark,
    buffers: ScanBuffers,
  ): Promise<FilePlan> {
    const record = this.#record;
    const reading = this.#reading;
    const mark = { ...known, state: stateOf(entry, reading.clock.now()) };
    // Equal states include equal sizes: without a change in between there is nothing to store.
    const isSame = known.kind === "identity" && known.state !== 0n && known.state === mark.state;
    if (record !== undefined && isSame) {
      const blocks = record.changedBlocks(relation, Math.floor(entry.sizeBytes / PAGE_BYTES));
      if (blocks !== "all" && blocks.length === 0) return { kind: "unchanged", mark };
    }
    const file = OpenedFile.open(entry, reading);
    if (file === undefined) return undefined;
    try {
      if (file.sizeBytes === 0 || file.sizeBytes % PAGE_BYTES !== 0) return new BackupFile(file);
      const { blocks, content } = await this.#changed(file, relation, buffers);
      if (blocks === undefined || incrementBytes(blocks.length) >= file.sizeBytes) {
        return new BackupFile(file, content);
      }
      if (blocks.length > 0 || !isSame || file.sizeBytes !== entry.sizeBytes) {
        return new IncrementFile(file, blocks, content);
      }
      file.close();
      return { kind: "unchanged", mark };
    } catch (error) {
      file.close();
      throw error;
    }
  }

  async #changed(file: OpenedFile, relation: RelationFile, buffers: ScanBuffers) {
    const record = this.#record;
    if (record === undefined) {
      const countsVisible = await this.#mayHideVisible(file.entry, relation, buffers);
      const since = this.#base.sinceLsn;
      const scanned = await scanFile(file, { since, countsVisible }, buffers);
      if (scanned.blocks === undefined) this.counts.unjudged += 1;
      return scanned;
    }
    const blockCount = file.sizeBytes / PAGE_BYTES;
    const changed = record.changedBlocks(relation, blockCount);
    if (changed === "all") return { blocks: undefined, content: undefined };
    const end = changed.findIndex((block) => block >= blockCount);
    return { blocks: end < 0 ? changed : changed.subarray(0, end), content: undefined };
  }

  /**
   * Without page checksums and `wal_log_hints` VACUUM marks a page as all-visible and leaves its
   * LSN. In a restored cluster the visibility map would say more than the page, index-only scans
   * would return deleted rows; so where bits of the map were set, all such pages are stored. The
   * map's own pages always get the LSN. What happens from the start of the backup on is replayed.
   * Source: visibilitymap_set.
   */
  async #mayHideVisible(
    entry: DirectoryEntry,
    { relation }: RelationFile,
    buffers: ScanBuffers,
  ): Promise<boolean> {
    if (!this.#hasSilentChanges) return false;
    const beside = (path: string) => `${path.slice(0, path.lastIndexOf("/"))}/${relation}_vm`;
    const described = describeFile(beside(entry.name), beside(entry.localPath));
    const map = described && OpenedFile.open(described, this.#reading);
    if (map === undefined) return false;
    try {
      const scan = { since: this.#base.sinceLsn, countsVisible: false };
      const { blocks } = await scanFile(map, scan, buffers);
      return blocks === undefined || blocks.length > 0;
    } finally {
      map.close();
    }
  }

  /** A file without pages, or with pages without LSN: nothing of it, or all. */
  async #compared(entry: DirectoryEntry, known: FileMark, buffers: ScanBuffers): Promise<FilePlan> {
    const reading = this.#reading;
    const state = stateOf(entry, reading.clock.now());
    const mark = { ...known, state };
    const isKnown = known.kind === "content";
    if (isKnown && state !== 0n && state === known.state) return { kind: "unchanged", mark };
    const file = OpenedFile.open(entry, reading);
    if (file === undefined) return undefined;
    // Reading a large file twice is worth nothing: its state says that it was written to.
    if (!isKnown || file.sizeBytes > SCAN_BYTES) return new BackupFile(file);
    try {
      const content = await readAll(file, buffers);
      const isSame = content.byteLength === file.sizeBytes && isAsKnown(file, content, known);
      if (!isSame) return new BackupFile(file, content);
      file.close();
      return { kind: "unchanged", mark };
    } catch (error) {
      file.close();
      throw error;
    }
  }
}

async function readAll(file: OpenedFile, buffers: ScanBuffers): Promise<Uint8Array> {
  const buffer = buffers.at(0).subarray(0, file.sizeBytes);
  let done = 0;
  while (done < buffer.byteLength) {
    const bytes = await file.read(buffer.subarray(done), done);
    if (bytes === 0) break;
    done += bytes;
  }
  return buffer.subarray(0, done);
}

/** The hash is the receipts'. What is corrupt is stored, and so named, again. */
function isAsKnown(file: OpenedFile, content: Uint8Array, known: FileMark): boolean {
  const isPaged = file.relation !== undefined;
  let isIntact = true;
  const window = new PageWindow(PAGE_LEAF_BYTES);
  const check = (page: Uint8Array, index: number) => {
    if (page.byteLength < PAGE_LEAF_BYTES) return;
    isIntact &&= file.isIntact(window.wordsOf(page), index);
  };
  const hasher = new ContentHasher(
    isPaged ? PAGE_LEAF_BYTES : PLAIN_LEAF_BYTES,
    content.byteLength,
    file.checksPages ? check : undefined,
  );
  hasher.update(content);
  return hasher.digest().hash === known.value && isIntact;
}
