import { CRC32C_START, finishCrc32c, updateCrc32c } from "../base/crc32c.ts";
import { CorruptObjectError } from "../base/errors.ts";
import { ByteReader } from "../stream/byte-reader.ts";
import type { ByteStream } from "../stream/byte-stream.ts";
import { BITMAP_BYTES } from "./block-set.ts";
import type { RelationId } from "./relation-file.ts";

/*
 * A WAL summary, PostgreSQL 17 and later, little endian (src/common/blkreftable.c):
 *
 *   0  u32  magic 0x652b137b
 *   4       entries, ascending by tablespace, database, relation and fork:
 *           0  u32  oid of the tablespace
 *           4  u32  oid of the database
 *           8  u32  relation's file number; 0: the whole database in this tablespace
 *          12  u32  fork: 0 main, 1 fsm, 2 vm, 3 init
 *          16  u32  limit block: the fork's least length meanwhile; 0xffffffff: never shortened
 *          20  u32  number of chunks n, of 65536 blocks each
 *          24  u16  for each chunk: its length l in u16, 0 for a chunk without changes
 *              u16  for each chunk: l offsets within it in any order; when l is 4096, a bitmap
 *           24 zero bytes end the entries
 *      u32  CRC-32C of all before
 */

const MAGIC = 0x652b137b;
const ENTRY_BYTES = 24;
const CRC_BYTES = 4;
const BITMAP_LENGTH = BITMAP_BYTES / 2;
/** Of a fork with 2^32 blocks. */
const CHUNKS_MAX = 1 << 16;
const FORK_MAX = 3;
const NO_LIMIT = 0xffff_ffff;

/** Numbers of the forks in summaries (src/common/relpath.c). */
export const MAIN_FORK = 0;

export interface SummaryEntry extends RelationId {
  readonly fork: number;
  /** The least length in blocks that the fork had; undefined when it was never shortened. */
  readonly limitBlock: number | undefined;
}

/** Takes what a summary says. Nothing of it counts before the whole summary was read. */
export interface SummaryTarget {
  /** Begins the blocks of the next fork. */
  entry(entry: SummaryEntry): void;
  block(block: number): void;
  /** All blocks of one chunk, in the form of `BlockSet.addBitmap`. */
  bitmap(chunkIndex: number, bitmap: Uint8Array): void;
}

/** Reads one summary to its end; `name` is for errors. Throws on whatever is not as promised. */
export async function readWalSummary(
  input: ByteStream,
  name: string,
  target: SummaryTarget,
): Promise<void> {
  const reader = new SummaryReader(input, name);
  try {
    await reader.readAll(target);
  } finally {
    await reader.close();
  }
}

class SummaryReader {
  readonly #reader: ByteReader;
  readonly #name: string;
  #crc = CRC32C_START;

  constructor(input: ByteStream, name: string) {
    this.#reader = new ByteReader(input);
    this.#name = name;
  }

  async readAll(target: SummaryTarget): Promise<void> {
    const magic = viewOf(await this.#take(4)).getUint32(0, true);
    if (magic !== MAGIC) throw this.#fault(`unknown magic ${magic.toString(16)}`);
    let before: SummaryEntry | undefined;
    for (;;) {
      const header = viewOf(await this.#take(ENTRY_BYTES));
      const entry = decodeEntry(header);
      if (entry === undefined) break;
      if (entry.fork > FORK_MAX) throw this.#fault(`unknown fork ${entry.fork}`);
      if (before !== undefined && compareEntries(before, entry) >= 0) {
        throw this.#fault(`relation ${relationName(entry)} is out of order`);
      }
      before = entry;
      target.entry(entry);
      await this.#readChunks(header.getUint32(20, true), entry, target);
    }
    await this.#checkEnd();
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  async #readChunks(count: number, entry: SummaryEntry, target: SummaryTarget): Promise<void> {
    if (count > CHUNKS_MAX) {
      throw this.#fault(`relation ${relationName(entry)} claims ${count} chunks of blocks`);
    }
    if (count === 0) return;
    // A copy: the reader may use the bytes again while the chunks are read.
    const lengths = (await this.#take(count * 2)).slice();
    for (let index = 0; index < count; index += 1) {
      const length = (lengths[2 * index] ?? 0) | ((lengths[2 * index + 1] ?? 0) << 8);
      if (length === 0) continue;
      if (length > BITMAP_LENGTH) {
        throw this.#fault(`relation ${relationName(entry)} has a chunk of ${length} numbers`);
      }
      const bytes = await this.#take(length * 2);
      if (length === BITMAP_LENGTH) target.bitmap(index, bytes);
      else passOffsets(bytes, index, target);
    }
  }

  async #checkEnd(): Promise<void> {
    const computed = finishCrc32c(this.#crc);
    const stored = viewOf(await this.#take(CRC_BYTES)).getUint32(0, true);
    if (stored !== computed) {
      throw this.#fault(
        `checksum is ${stored.toString(16)}, its bytes give ${computed.toString(16)}`,
      );
    }
    if (!(await this.#reader.isAtEnd())) throw this.#fault("bytes follow its end");
  }

  async #take(sizeBytes: number): Promise<Uint8Array> {
    const bytes = await this.#reader.read(sizeBytes);
    if (bytes.byteLength < sizeBytes) {
      throw this.#fault(`ends after ${this.#reader.consumedBytes} bytes`);
    }
    this.#crc = updateCrc32c(this.#crc, bytes, 0, sizeBytes);
    return bytes;
  }

  #fault(detail: string): CorruptObjectError {
    return new CorruptObjectError(this.#name, `not a whole WAL summary: ${detail}`, {
      hint: "Remove the file: what it tells is then found by reading the relations.",
    });
  }
}

/** undefined for the end of the entries. */
function decodeEntry(header: DataView): SummaryEntry | undefined {
  const field = (at: number) => header.getUint32(at, true);
  const limit = field(16);
  const entry = {
    tablespace: field(0),
    database: field(4),
    relation: field(8),
    fork: field(12),
    limitBlock: limit === NO_LIMIT ? undefined : limit,
  };
  const { tablespace, database, relation, fork } = entry;
  const isEnd = [tablespace, database, relation, fork, limit, field(20)].every(
    (each) => each === 0,
  );
  return isEnd ? undefined : entry;
}

function passOffsets(bytes: Uint8Array, chunkIndex: number, target: SummaryTarget): void {
  const base = chunkIndex * 0x10000;
  for (let at = 0; at < bytes.byteLength; at += 2) {
    target.block(base + ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)));
  }
}

function compareEntries(a: SummaryEntry, b: SummaryEntry): number {
  return (
    a.tablespace - b.tablespace ||
    a.database - b.database ||
    a.relation - b.relation ||
    a.fork - b.fork
  );
}

function relationName({ tablespace, database, relation }: RelationId): string {
  return `${tablespace}/${database}/${relation}`;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
