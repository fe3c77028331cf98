import { CRC32C_START, finishCrc32c, updateCrc32c } from "../base/crc32c.ts";
import { CorruptObjectError } from "../base/errors.ts";
import { ByteReader } from "../stream/byte-reader.ts";
import type { ByteStream } from "../stream/byte-stream.ts";
import { BITMAP_BYTES, CHUNK_BLOCKS } from "./block-set.ts";
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
const CHUNKS_MAX = 2 ** 32 / CHUNK_BLOCKS;
const FORK_MAX = 3;
/** More than the lengths of all chunks that a fork can have. */
const BUFFER_BYTES = 256 << 10;
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
  /** All blocks of one chunk, in the form of `BlockSet.addBitmap`; valid during the call. */
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
  /** What was read and not yet used up lies in `[start, end)`; before it, `checked` is summed. */
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  #checked = 0;
  #start = 0;
  #end = 0;
  #passedBytes = 0;
  #crc = CRC32C_START;
  #lengths = new Uint16Array(16);

  constructor(input: ByteStream, name: string) {
    this.#reader = new ByteReader(input);
    this.#name = name;
  }

  async readAll(target: SummaryTarget): Promise<void> {
    if (!this.#has(4)) await this.#fill(4);
    const magic = this.#view.getUint32(this.#take(4), true);
    if (magic !== MAGIC) throw this.#fault(`unknown magic ${magic.toString(16)}`);
    let before: SummaryEntry | undefined;
    for (;;) {
      if (!this.#has(ENTRY_BYTES)) await this.#fill(ENTRY_BYTES);
      const at = this.#take(ENTRY_BYTES);
      const entry = decodeEntry(this.#view, at);
      if (entry === undefined) break;
      if (entry.fork > FORK_MAX) throw this.#fault(`unknown fork ${entry.fork}`);
      if (before !== undefined && compareEntries(before, entry) >= 0) {
        throw this.#fault(`relation ${relationName(entry)} is out of order`);
      }
      before = entry;
      target.entry(entry);
      const chunkCount = this.#view.getUint32(at + 20, true);
      if (chunkCount > 0) await this.#readChunks(chunkCount, entry, target);
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
    if (!this.#has(count * 2)) await this.#fill(count * 2);
    const lengthsAt = this.#take(count * 2);
    // Kept apart, as the buffer may be filled again while the chunks are read.
    if (this.#lengths.length < count) this.#lengths = new Uint16Array(count);
    for (let index = 0; index < count; index += 1) {
      this.#lengths[index] = this.#view.getUint16(lengthsAt + index * 2, true);
    }
    for (let index = 0; index < count; index += 1) {
      const length = this.#lengths[index] ?? 0;
      if (length === 0) continue;
      if (length > BITMAP_LENGTH) {
        throw this.#fault(`relation ${relationName(entry)} has a chunk of ${length} numbers`);
      }
      if (!this.#has(length * 2)) await this.#fill(length * 2);
      const at = this.#take(length * 2);
      if (length === BITMAP_LENGTH) target.bitmap(index, this.#buffer.subarray(at, this.#start));
      else this.#passOffsets(at, index, target);
    }
  }

  #passOffsets(start: number, chunkIndex: number, target: SummaryTarget): void {
    const base = chunkIndex * CHUNK_BLOCKS;
    for (let at = start; at < this.#start; at += 2) {
      target.block(base + this.#view.getUint16(at, true));
    }
  }

  async #checkEnd(): Promise<void> {
    this.#sum();
    const computed = finishCrc32c(this.#crc);
    if (!this.#has(CRC_BYTES)) await this.#fill(CRC_BYTES);
    const stored = this.#view.getUint32(this.#take(CRC_BYTES), true);
    if (stored !== computed) {
      const [is, gives] = [stored.toString(16), computed.toString(16)];
      throw this.#fault(`checksum is ${is}, its bytes give ${gives}`);
    }
    const isAtEnd = this.#start === this.#end && (await this.#reader.isAtEnd());
    if (!isAtEnd) throw this.#fault("bytes follow its end");
  }

  #has(sizeBytes: number): boolean {
    return this.#end - this.#start >= sizeBytes;
  }

  /** Where the next `sizeBytes` bytes are, which `#fill` has made sure of. */
  #take(sizeBytes: number): number {
    const at = this.#start;
    this.#start += sizeBytes;
    return at;
  }

  /** Makes so many bytes lie together. What was taken before is then no longer there. */
  async #fill(sizeBytes: number): Promise<void> {
    this.#sum();
    this.#buffer.copyWithin(0, this.#start, this.#end);
    this.#passedBytes += this.#start;
    this.#end -= this.#start;
    this.#start = 0;
    this.#checked = 0;
    while (this.#end < sizeBytes) {
      const bytes = await this.#reader.readSome(BUFFER_BYTES - this.#end);
      if (bytes.byteLength === 0) {
        throw this.#fault(`ends after ${this.#passedBytes + this.#end} bytes`);
      }
      this.#buffer.set(bytes, this.#end);
      this.#end += bytes.byteLength;
    }
  }

  /** Brings the checksum up to what was taken. */
  #sum(): void {
    this.#crc = updateCrc32c(this.#crc, this.#buffer, this.#checked, this.#start);
    this.#checked = this.#start;
  }

  #fault(detail: string): CorruptObjectError {
    return new CorruptObjectError(this.#name, `not a whole WAL summary: ${detail}`, {
      hint: "Remove the file: what it tells is then found by reading the relations.",
    });
  }
}

/** undefined for the end of the entries. */
function decodeEntry(view: DataView, at: number): SummaryEntry | undefined {
  const tablespace = view.getUint32(at, true);
  const database = view.getUint32(at + 4, true);
  const relation = view.getUint32(at + 8, true);
  const fork = view.getUint32(at + 12, true);
  const limit = view.getUint32(at + 16, true);
  const chunkCount = view.getUint32(at + 20, true);
  if ((tablespace | database | relation | fork | limit | chunkCount) === 0) return undefined;
  const limitBlock = limit === NO_LIMIT ? undefined : limit;
  return { tablespace, database, relation, fork, limitBlock };
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
