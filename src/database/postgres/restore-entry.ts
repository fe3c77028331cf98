import { CorruptObjectError } from "../../base/errors.ts";
import { IncrementApplier, type IncrementShape } from "../../delta/increment-apply.ts";
import { hasOrioleHeader } from "../../delta/increment-format.ts";
import type { BackupFiles } from "./restore-files.ts";
import type { FileSyncer } from "./restore-sync.ts";
import type { RestoreTree } from "./restore-tree.ts";
import type { PartWrites } from "./restore-writes.ts";
import { RestoredFile } from "./restored-file.ts";
import { sizeAfter, type WrittenPages } from "./written-pages.ts";

/** Where entries are written. */
export interface EntryRules {
  readonly tree: RestoreTree;
  readonly syncer: FileSyncer;
  readonly writes: PartWrites;
  readonly files: BackupFiles;
  /** Told of each increment before its file is touched: the last chance to refuse it. */
  onIncrement?(place: string, shape: IncrementShape): void;
}

/** A file of a part: where it goes, and what its header or its receipt says. */
export interface FileEntry {
  readonly name: string;
  /** Below the target. */
  readonly place: string;
  readonly mode: number;
  /** Names part and entry in errors. */
  readonly what: string;
}

/** Where the bytes of an entry go. */
export interface EntrySink {
  push(bytes: Uint8Array): void;
  /** All bytes came. Of an increment: what it was. */
  end(): IncrementShape | undefined;
  close(): void;
}

/** A whole file: of what newer backups gave already, nothing is written. */
export class WholeEntry implements EntrySink {
  readonly #file: RestoredFile;
  readonly #sizeBytes: number;
  readonly #written: WrittenPages | undefined;
  #position = 0;

  constructor(entry: FileEntry & { readonly sizeBytes: number }, rules: EntryRules) {
    this.#written = rules.files.writtenPages(entry.name);
    this.#file = openFile(entry, rules, { isBegun: this.#written !== undefined, isPartial: false });
    this.#sizeBytes = entry.sizeBytes;
  }

  push(bytes: Uint8Array): void {
    const position = this.#position;
    this.#position += bytes.byteLength;
    if (this.#written === undefined) {
      this.#file.writeAt(bytes, position);
      return;
    }
    if (!this.#file.isCompared) this.#writeAround(bytes, position, this.#written);
    else {
      this.#written.missing(position, this.#position, (from, to) => {
        this.#file.writeAt(bytes.subarray(from - position, to - position), from);
      });
    }
  }

  /**
   * Writes all but the newer pages. Where those are few they are put into the bytes first, and all
   * is written at once: many small writes take longer than reading a page back.
   */
  #writeAround(bytes: Uint8Array, position: number, written: WrittenPages): void {
    const gaps: [from: number, to: number][] = [];
    let missingBytes = 0;
    written.missing(position, position + bytes.byteLength, (from, to) => {
      gaps.push([from, to]);
      missingBytes += to - from;
    });
    const end = gaps.at(-1)?.[1] ?? position;
    const isWorthIt = gaps.length > 1 && missingBytes * 2 > end - position;
    if (!isWorthIt) {
      for (const [from, to] of gaps) {
        this.#file.writeAt(bytes.subarray(from - position, to - position), from);
      }
      return;
    }
    let at = gaps[0]?.[0] ?? position;
    const first = at;
    for (const [from, to] of gaps) {
      if (from > at) this.#file.readBack(bytes.subarray(at - position, from - position), at);
      at = to;
    }
    this.#file.writeAt(bytes.subarray(first - position, end - position), first);
  }

  /** A piece that is needed, and known to be different from what is there. */
  overwrite(bytes: Uint8Array, position: number): void {
    this.#file.overwrite(bytes, position);
  }

  end(): undefined {
    const { isCompared } = this.#file;
    if (this.#written === undefined) {
      if (isCompared) this.#file.resize(this.#sizeBytes);
    } else if (isCompared) {
      const { limitBytes, fileBytes } = this.#written;
      this.#written.unwritten(Math.min(limitBytes, this.#sizeBytes), fileBytes, (from, to) =>
        this.#file.clear(from, to),
      );
    }
    this.#file.end();
  }

  close(): void {
    this.#file.close();
  }
}

/** An increment; the newest one of a file gives it its size. */
export class IncrementEntry implements EntrySink {
  readonly #file: RestoredFile;
  readonly #written: WrittenPages | undefined;
  readonly #applier: IncrementApplier;
  readonly #what: string;
  readonly #onBegin: (shape: IncrementShape) => void;
  #shape: IncrementShape | undefined;

  constructor(entry: FileEntry, rules: EntryRules) {
    this.#what = entry.what;
    this.#onBegin = (shape) => rules.onIncrement?.(entry.place, shape);
    this.#written = rules.files.writtenPages(entry.name);
    this.#file = openFile(entry, rules, { isBegun: this.#written !== undefined, isPartial: true });
    const isOriole = hasOrioleHeader(entry.place);
    this.#applier = new IncrementApplier(this, { isOriole, what: entry.what });
  }

  push(bytes: Uint8Array): void {
    this.#applier.push(bytes);
  }

  begin(shape: IncrementShape): void {
    this.#onBegin(shape);
    this.#shape = shape;
    if (this.#written === undefined) this.#file.resize(sizeAfter(shape));
    else if (this.#written.pageBytes !== shape.pageBytes) {
      throw new CorruptObjectError(
        this.#what,
        `its increment has pages of ${shape.pageBytes} bytes, a newer one ` +
          `of ${this.#written.pageBytes}`,
      );
    }
  }

  writeAt(bytes: Uint8Array, position: number): void {
    if (this.#written === undefined) {
      this.#file.writeAt(bytes, position);
      return;
    }
    this.#written.missing(position, position + bytes.byteLength, (from, to) => {
      this.#file.writeAt(bytes.subarray(from - position, to - position), from);
    });
  }

  end(): IncrementShape | undefined {
    this.#applier.finish();
    this.#file.end();
    return this.#shape;
  }

  close(): void {
    this.#file.close();
  }
}

function openFile(
  { place, mode }: FileEntry,
  { tree, syncer, writes }: EntryRules,
  state: { readonly isBegun: boolean; readonly isPartial: boolean },
): RestoredFile {
  const descriptor = state.isBegun ? tree.openExisting(place) : tree.create(place, mode);
  return new RestoredFile({
    descriptor,
    path: tree.pathOf(place),
    syncer,
    writes,
    isCompared: tree.isCompared,
    isPartial: state.isPartial,
  });
}
