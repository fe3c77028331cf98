import { ftruncateSync, writeSync } from "node:fs";
import { FilesystemError, messageOf } from "../../base/errors.ts";
import { PAGE_BYTES } from "../../delta/increment-format.ts";
import { firstBlock, relationFileOf } from "../../delta/relation-file.ts";
import type { ControlFile } from "./control-file.ts";
import { NameTable } from "./name-table.ts";
import type { FileSyncer } from "./restore-sync.ts";
import type { RestoreTree } from "./restore-tree.ts";
import { setPageChecksum, standInPage } from "./stand-in-page.ts";

/** The first pages all say that they stand for others, of the rest one in so many. */
const DENSE_PAGES = 1024;
const SPARSE_STEP = 64;

const FILE_MODE = 0o600;
/** In place of a database's map of its catalogs: no server takes it for one. */
const MAP_TEXT = "left out of a partial restore: drop this database\n";
const MAP_BYTES = 512;

const UNKNOWN = -1;

/**
 * Files that a partial restore leaves out. What stands for them is there for the server to replay
 * WAL on, and fails whoever reads it; mostly holes, it takes little space.
 */
export class StandIns {
  readonly #paths = new NameTable();
  #sizes = new Float64Array(1024);

  get count(): number {
    return this.#paths.size;
  }

  /** The newest backup has the file. */
  note(path: string): void {
    const number = this.#paths.add(path);
    if (number === this.#sizes.length) {
      const larger = new Float64Array(number * 2);
      larger.set(this.#sizes);
      this.#sizes = larger;
    }
    if (number === this.#paths.size - 1) this.#sizes[number] ||= UNKNOWN;
  }

  /** A backup of the chain has so many bytes of it. */
  grow(path: string, sizeBytes: number): void {
    const number = this.#paths.find(path);
    if (number === undefined) return;
    this.#sizes[number] = Math.max(this.#sizes[number] ?? UNKNOWN, sizeBytes);
  }

  /** `control`: of the restored cluster. */
  async write(tree: RestoreTree, syncer: FileSyncer, control: ControlFile): Promise<void> {
    const page = standInPage(control.oldestTransaction);
    const hasChecksums = control.dataChecksumVersion !== 0;
    for (let number = 0; number < this.#paths.size; number++) {
      const path = this.#paths.nameOf(number);
      const sizeBytes = this.#sizes[number] ?? UNKNOWN;
      const content = path.endsWith("/pg_filenode.map")
        ? {
            sizeBytes: MAP_BYTES,
            pieces: [{ bytes: new TextEncoder().encode(MAP_TEXT), position: 0 }],
          }
        : relationContent(path, sizeBytes, { page, hasChecksums });
      if (content === undefined) continue;
      writeFile(tree, syncer, path, content);
      if (syncer.isFull) await syncer.room();
    }
  }
}

interface Content {
  readonly sizeBytes: number;
  readonly pieces: Iterable<{ readonly bytes: Uint8Array; readonly position: number }>;
}

/** undefined: the server does without the file. */
function relationContent(
  path: string,
  knownBytes: number,
  options: { readonly page: Uint8Array; readonly hasChecksums: boolean },
): Content | undefined {
  const relation = relationFileOf(path);
  // Maps of free space and visibility are made anew.
  if (relation?.fork !== "main") return undefined;
  if (knownBytes === UNKNOWN && relation.segment > 0) return undefined;
  const pageCount = knownBytes === UNKNOWN ? 1 : Math.ceil(knownBytes / PAGE_BYTES);
  const { page, hasChecksums } = options;
  const first = firstBlock(relation, PAGE_BYTES);
  function* pieces(): Generator<{ readonly bytes: Uint8Array; readonly position: number }> {
    for (let block = 0; block < pageCount; block++) {
      if (block >= DENSE_PAGES && block % SPARSE_STEP !== 0) continue;
      if (hasChecksums) setPageChecksum(page, first + block);
      yield { bytes: page, position: block * PAGE_BYTES };
    }
  }
  return { sizeBytes: pageCount * PAGE_BYTES, pieces: pieces() };
}

function writeFile(tree: RestoreTree, syncer: FileSyncer, path: string, content: Content): void {
  const descriptor = tree.create(path, FILE_MODE);
  const full = tree.pathOf(path);
  try {
    for (const { bytes, position } of content.pieces) {
      for (let done = 0; done < bytes.byteLength; ) {
        done += writeSync(descriptor, bytes, done, bytes.byteLength - done, position + done);
      }
    }
    ftruncateSync(descriptor, content.sizeBytes);
  } catch (cause) {
    throw new FilesystemError(full, `cannot be written: ${messageOf(cause)}`, { cause });
  } finally {
    syncer.add(descriptor, full);
  }
}
