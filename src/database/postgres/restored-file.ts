import { closeSync, fstatSync, ftruncateSync, futimesSync, readSync } from "node:fs";
import { SYSTEM_CLOCK } from "../../base/clock.ts";
import { FilesystemError, messageOf } from "../../base/errors.ts";
import type { FileSyncer } from "./restore-sync.ts";
import { type PartWrites, unwritable } from "./restore-writes.ts";

/** What is compared at once; single pieces of this size that differ are written alone. */
const COMPARED_BYTES = 8192;

export interface RestoredFileFacts {
  readonly descriptor: number;
  readonly path: string;
  readonly syncer: FileSyncer;
  readonly writes: PartWrites;
  /** The file may hold the right bytes already: only what differs is written. */
  readonly isCompared: boolean;
  /** Older backups will write the rest. */
  readonly isPartial: boolean;
}

/** A file of the target that is written from its start, or in places. */
export class RestoredFile {
  readonly #facts: RestoredFileFacts;
  /** Writes to this file that may still run. */
  readonly #running: Promise<void>[] = [];
  #present: Uint8Array | undefined;
  #isOpen = true;

  constructor(facts: RestoredFileFacts) {
    this.#facts = facts;
  }

  get isCompared(): boolean {
    return this.#facts.isCompared;
  }

  writeAt(bytes: Uint8Array, position: number): void {
    if (this.#facts.isCompared) this.#writeDifferent(bytes, position);
    else this.#write(bytes, position);
  }

  /** Known to differ: written without a look at what is there. */
  overwrite(bytes: Uint8Array, position: number): void {
    this.#write(bytes, position);
  }

  /** Bytes that were written before, into `target`. */
  readBack(target: Uint8Array, position: number): void {
    const { descriptor, path } = this.#facts;
    let done = 0;
    try {
      while (done < target.byteLength) {
        const rest = target.byteLength - done;
        const bytes = readSync(descriptor, target, done, rest, position + done);
        if (bytes === 0) throw new Error(`the file ends at ${position + done}`);
        done += bytes;
      }
    } catch (cause) {
      throw new FilesystemError(path, `cannot be read back: ${messageOf(cause)}`, { cause });
    }
  }

  /** Makes these bytes zeros. */
  clear(from: number, to: number): void {
    const zeros = new Uint8Array(Math.min(to - from, 1 << 20));
    for (let at = from; at < to; at += zeros.byteLength) {
      this.#writeDifferent(zeros.subarray(0, Math.min(zeros.byteLength, to - at)), at);
    }
  }

  resize(sizeBytes: number): void {
    const { descriptor, path } = this.#facts;
    try {
      if (fstatSync(descriptor).size !== sizeBytes) ftruncateSync(descriptor, sizeBytes);
    } catch (cause) {
      throw unwritable(path, cause);
    }
  }

  /** All was written: the file is closed, and made durable if it is complete, beside the rest. */
  end(): void {
    const { descriptor, path, syncer, isCompared, isPartial } = this.#facts;
    this.#isOpen = false;
    if (isCompared) {
      // An old time would tell other tools that nothing happened to the file.
      const now = SYSTEM_CLOCK.now();
      futimesSync(descriptor, now, now);
    }
    if (isPartial) syncer.postpone(descriptor, path, this.#running);
    else syncer.add(descriptor, path, this.#running);
  }

  close(): void {
    if (this.#isOpen) closeSync(this.#facts.descriptor);
    this.#isOpen = false;
  }

  #write(bytes: Uint8Array, position: number): void {
    const { descriptor, path, writes, isPartial } = this.#facts;
    const writing = writes.write(descriptor, bytes, position, path, !isPartial);
    if (writing !== undefined) this.#running.push(writing);
  }

  #writeDifferent(bytes: Uint8Array, position: number): void {
    const present = this.#read(bytes.byteLength, position);
    let from = -1;
    for (let at = 0; at < bytes.byteLength; at += COMPARED_BYTES) {
      const end = Math.min(at + COMPARED_BYTES, bytes.byteLength);
      const isEqual =
        end <= present.byteLength &&
        Buffer.compare(bytes.subarray(at, end), present.subarray(at, end)) === 0;
      if (!isEqual && from < 0) from = at;
      if (isEqual && from >= 0) {
        this.#write(bytes.subarray(from, at), position + from);
        from = -1;
      }
    }
    if (from >= 0) this.#write(bytes.subarray(from), position + from);
  }

  #read(sizeBytes: number, position: number): Uint8Array {
    const { descriptor, path } = this.#facts;
    if (this.#present === undefined || this.#present.byteLength < sizeBytes) {
      this.#present = new Uint8Array(Math.max(sizeBytes, 64 << 10));
    }
    try {
      const read = readSync(descriptor, this.#present, 0, sizeBytes, position);
      return this.#present.subarray(0, read);
    } catch (cause) {
      throw new FilesystemError(path, `cannot be read: ${messageOf(cause)}`, { cause });
    }
  }
}
