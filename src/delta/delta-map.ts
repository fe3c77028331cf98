import { CorruptObjectError } from "../base/errors.ts";
import type { ChangeSink } from "./change-sink.ts";

/*
 * Map of the blocks that 16 WAL segments changed, as WAL-G stores it beside them
 * (`<first segment>_delta`), little endian:
 *
 *   0   locations, 16 bytes each: u32 tablespace, database, relation, block
 *       16 bytes of zeros
 *       u32  length of what follows
 *       start of the record that goes on in the next segment
 *
 * Any order, any fork, repetitions allowed: for WAL-G there is no more to it. It has no place for
 * relations that were made, dropped or truncated, after which pages may lie in a file that no
 * record names. Ours says so in its last locations, between a mark that no relation can have and
 * the zeros: each of them means **every block of the relation from this one on**; relation 0 all
 * of the database, tablespace 0 all there is. WAL-G takes them for blocks that changed.
 *
 *       mark: u32 0, 0, 0, 0x314d4454 ("TDM1")
 *       locations, 16 bytes each: u32 tablespace, database, relation, first block
 */

const LOCATION_BYTES = 16;
const LOCATION_WORDS = 4;
const MARK = 0x314d4454;
/** Stands for tablespace 0, database 0, relation 0, which together are the end. */
const EVERYTHING_BLOCK = 1;
/** Start of a record: none that we or WAL-G keep is near it. */
const REST_BYTES_MAX = 16 << 20;

export interface DeltaMap {
  /** Four words for each location. */
  readonly blocks: Uint32Array;
  /** Four words for each: the block and all that follow. */
  readonly limits: Uint32Array;
  /** Start of the record that goes on in the next segment. */
  readonly rest: Uint8Array;
}

/** The stored form, with the mark. */
export function encodeDeltaMap({ blocks, limits, rest }: DeltaMap): Uint8Array {
  const words = blocks.length + LOCATION_WORDS + limits.length + LOCATION_WORDS;
  const bytes = new Uint8Array(4 * words + 4 + rest.byteLength);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const add = (list: ArrayLike<number>) => {
    for (let index = 0; index < list.length; index += 1, at += 4) {
      view.setUint32(at, list[index] ?? 0, true);
    }
  };
  add(blocks);
  add([0, 0, 0, MARK]);
  for (let index = 0; index < limits.length; index += LOCATION_WORDS) {
    const limit = limits.subarray(index, index + LOCATION_WORDS);
    add(limit[0] === 0 ? [0, 0, 0, EVERYTHING_BLOCK] : limit);
  }
  add([0, 0, 0, 0, rest.byteLength]);
  bytes.set(rest, at);
  return bytes;
}

/** Reads a map while its bytes pass, in any chunks, of whatever size it is. */
export class DeltaMapReader {
  readonly #name: string;
  readonly #sink: ChangeSink;
  readonly #pending = new Uint8Array(LOCATION_BYTES);
  #pendingBytes = 0;
  #isMarked = false;
  #hasEnded = false;
  #rest: Uint8Array | undefined;
  #restBytes = 0;

  /** `name` is for errors. */
  constructor(name: string, sink: ChangeSink) {
    this.#name = name;
    this.#sink = sink;
  }

  /** Takes the next bytes; throws at the first fault. */
  update(chunk: Uint8Array): void {
    let at = this.#pendingBytes > 0 ? this.#fill(chunk, 0) : 0;
    if (!this.#hasEnded && this.#pendingBytes === 0) at = this.#locations(chunk, at);
    while (at < chunk.byteLength) {
      if (this.#rest === undefined) at = this.#fill(chunk, at);
      else at = this.#takeRest(chunk, at);
    }
  }

  /**
   * `isMarked`: relations that were made, dropped or truncated are in it, so it names everything
   * that changed. WAL-G's own maps are not.
   */
  finish(): { readonly isMarked: boolean; readonly rest: Uint8Array } {
    const rest = this.#rest;
    if (rest === undefined || this.#restBytes !== rest.byteLength) {
      throw new CorruptObjectError(this.#name, "delta map is cut short");
    }
    return { isMarked: this.#isMarked, rest };
  }

  /** Whole locations where they lie; returns where the first one begins that is not whole. */
  #locations(chunk: Uint8Array, from: number): number {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = from;
    while (!this.#hasEnded && at + LOCATION_BYTES <= chunk.byteLength) {
      this.#location(view, at);
      at += LOCATION_BYTES;
    }
    return at;
  }

  /** Collects a location, or the length of the rest, that lies in two chunks. */
  #fill(chunk: Uint8Array, from: number): number {
    const wanted = this.#hasEnded ? 4 : LOCATION_BYTES;
    const end = Math.min(chunk.byteLength, from + wanted - this.#pendingBytes);
    this.#pending.set(chunk.subarray(from, end), this.#pendingBytes);
    this.#pendingBytes += end - from;
    if (this.#pendingBytes < wanted) return end;
    this.#pendingBytes = 0;
    const view = new DataView(this.#pending.buffer);
    if (this.#hasEnded) this.#beginRest(view.getUint32(0, true));
    else this.#location(view, 0);
    return end;
  }

  #location(view: DataView, at: number): void {
    const tablespace = view.getUint32(at, true);
    const database = view.getUint32(at + 4, true);
    const relation = view.getUint32(at + 8, true);
    const block = view.getUint32(at + 12, true);
    if (tablespace === 0) {
      this.#sign(database === 0 && relation === 0 ? block : Number.NaN);
    } else if (this.#isMarked) {
      this.#sink.from(tablespace, database, relation, block);
    } else if (relation !== 0) {
      this.#sink.block(tablespace, database, relation, block);
    } else {
      throw new CorruptObjectError(this.#name, "delta map names a block of no relation");
    }
  }

  #sign(block: number): void {
    if (block === 0) this.#hasEnded = true;
    else if (block === MARK && !this.#isMarked) this.#isMarked = true;
    else if (block === EVERYTHING_BLOCK && this.#isMarked) this.#sink.from(0, 0, 0, 0);
    else throw new CorruptObjectError(this.#name, "delta map has a location of unknown meaning");
  }

  #beginRest(sizeBytes: number): void {
    if (sizeBytes > REST_BYTES_MAX) {
      throw new CorruptObjectError(this.#name, `delta map promises a rest of ${sizeBytes} bytes`);
    }
    this.#rest = new Uint8Array(sizeBytes);
  }

  #takeRest(chunk: Uint8Array, from: number): number {
    const rest = this.#rest ?? new Uint8Array(0);
    const piece = chunk.subarray(from, from + rest.byteLength - this.#restBytes);
    if (piece.byteLength === 0) {
      throw new CorruptObjectError(this.#name, "bytes follow the end of the delta map");
    }
    rest.set(piece, this.#restBytes);
    this.#restBytes += piece.byteLength;
    return from + piece.byteLength;
  }
}
