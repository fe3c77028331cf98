import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Lsn, parseLsn } from "../../src/delta/lsn.ts";
import type { PostgresCluster } from "./postgres-cluster.ts";

const PAGE_BYTES = 8192;
const BATCH_PAGES = 1024;
const SEGMENT_PAGES = 131_072;
const FOLDER_FILES = 100_000;

/**
 * Files of relations that no catalogue of the server knows, in databases that nobody uses: to
 * the server they are nothing, to a backup they are files of relations like all others. A real
 * CREATE TABLE takes a hundred times longer. Everybody may read them; nobody writes to them.
 */
export class ManyFiles {
  readonly #cluster: PostgresCluster;
  readonly #lsn: Lsn;
  #folder = "";
  #relation = 1_000_000;

  private constructor(cluster: PostgresCluster, lsn: Lsn) {
    this.#cluster = cluster;
    this.#lsn = lsn;
  }

  static async create(cluster: PostgresCluster): Promise<ManyFiles> {
    const lsn = parseLsn(await cluster.value("SELECT pg_current_wal_lsn()"));
    return new ManyFiles(cluster, lsn);
  }

  /** Relations, so many of them with one page each, the others empty; 100,000 to a database. */
  async addSmall(count: number, pagedCount = count): Promise<void> {
    const page = pagesOf(1, this.#lsn);
    for (let made = 0; made < count; made += 1) {
      if (made % FOLDER_FILES === 0) this.#folder = await this.#newDatabase();
      page.writeUInt32LE(made, PAGE_BYTES - 4);
      const content = made < pagedCount ? page : "";
      writeFileSync(join(this.#folder, `${this.#nextRelation()}`), content);
    }
  }

  async #newDatabase(): Promise<string> {
    const name = `many_${this.#relation}`;
    await this.#cluster.query(`CREATE DATABASE ${name}`);
    const oid = await this.#cluster.value(`SELECT oid FROM pg_database WHERE datname = '${name}'`);
    return join(this.#cluster.dataDir, "base", oid);
  }

  /** One relation of so many pages, in files of 1 GiB, without holes. */
  addLarge(pageCount: number): LargeRelation {
    const relation = this.#nextRelation();
    const batch = pagesOf(BATCH_PAGES, this.#lsn);
    const paths: string[] = [];
    for (let first = 0; first < pageCount; first += SEGMENT_PAGES) {
      const suffix = first === 0 ? "" : `.${first / SEGMENT_PAGES}`;
      const path = join(this.#folder, `${relation}${suffix}`);
      const descriptor = openSync(path, "w");
      const end = Math.min(SEGMENT_PAGES, pageCount - first);
      for (let page = 0; page < end; page += BATCH_PAGES) {
        batch.writeUInt32LE(first + page, PAGE_BYTES - 4);
        writeSync(descriptor, batch, 0, Math.min(BATCH_PAGES, end - page) * PAGE_BYTES);
      }
      closeSync(descriptor);
      paths.push(path);
    }
    return new LargeRelation(paths, pageCount);
  }

  #nextRelation(): number {
    this.#relation += 1;
    return this.#relation;
  }
}

class LargeRelation {
  readonly #paths: readonly string[];
  readonly #pageCount: number;

  constructor(paths: readonly string[], pageCount: number) {
    this.#paths = paths;
    this.#pageCount = pageCount;
  }

  /** Gives one page in so many another content, as the server does at this place of the WAL. */
  change(step: number, lsn: Lsn): number {
    const page = pagesOf(1, lsn);
    let changed = 0;
    for (const [segment, path] of this.#paths.entries()) {
      const descriptor = openSync(path, "r+");
      const end = Math.min(SEGMENT_PAGES, this.#pageCount - segment * SEGMENT_PAGES);
      for (let block = 0; block < end; block += step) {
        writeSync(descriptor, page, 0, PAGE_BYTES, block * PAGE_BYTES);
        changed += 1;
      }
      closeSync(descriptor);
    }
    return changed;
  }
}

/** Pages of a heap that end with noise, so that they cannot be compressed to nothing. */
function pagesOf(count: number, lsn: Lsn): Buffer {
  const pages = Buffer.alloc(count * PAGE_BYTES);
  for (let page = 0; page < count; page += 1) {
    const at = page * PAGE_BYTES;
    pages.writeUInt32LE(Number(lsn >> 32n), at);
    pages.writeUInt32LE(Number(lsn & 0xffff_ffffn), at + 4);
    // No line pointers; free space up to the special space, which is empty; layout version 4.
    pages.writeUInt16LE(24, at + 12);
    pages.writeUInt16LE(PAGE_BYTES - 2048, at + 14);
    pages.writeUInt16LE(PAGE_BYTES, at + 16);
    pages.writeUInt16LE(PAGE_BYTES | 4, at + 18);
    crypto.getRandomValues(pages.subarray(at + PAGE_BYTES - 2048, at + PAGE_BYTES));
  }
  return pages;
}
