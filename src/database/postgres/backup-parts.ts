import type { Logger } from "../../base/log.ts";
import type { ByteSource } from "../../stream/byte-stream.ts";
import { Pace } from "../../stream/turn.ts";
import type { TarHeader } from "../../tar/header.ts";
import { type TarItem, writeTar } from "../../tar/writer.ts";
import type { PartEntry } from "../../transfer/stored-part.ts";
import type { BackupPart } from "../adapter.ts";
import type { PackedFile } from "./backup-file.ts";
import type { DirectoryEntry } from "./data-directory.ts";
import type { FilePlanner } from "./delta-files.ts";
import type { FileMark } from "./file-mark.ts";
import { ScanBuffers } from "./file-scan.ts";

/** Receipts of a part are in memory until it ends: files without content must not pile up. */
const ENTRIES_MAX = 4000;

/** Files that are looked at and not stored must not keep the thread. */
const TURN_FILES = 200;

/** Corrupt pages of one file that are named one by one in the log. */
const NAMED_BLOCKS_MAX = 10;

export interface PackingOptions {
  readonly entries: Iterator<DirectoryEntry>;
  /** A part is closed after the file that takes it past this many content bytes. */
  readonly thresholdBytes: number;
  /** Decides what is stored of each file. */
  readonly files: FilePlanner;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Told of each entry once it is in a part; `mark`: of files. */
  readonly onEntry: (entry: DirectoryEntry, packed: PartEntry, mark?: FileMark) => void;
  /** Told of each file of which an increment follows, before any byte of it. */
  readonly onIncrement?: ((path: string) => void) | undefined;
  /** Told of each file of which nothing is stored. */
  readonly onUnchanged: (entry: DirectoryEntry, mark: FileMark) => void;
  /** Told of each part once it is complete. */
  readonly onPart: (partName: string, packed: readonly PartEntry[]) => void;
}

/**
 * Packs the walk of a data directory into tar parts. Parts may be read at the same time: each
 * takes the next entry from the one walk whenever it has room, so every entry is in exactly one.
 * A file is never split over parts.
 */
export class PartPacker {
  readonly #options: PackingOptions;
  #partCount = 0;
  #plainBytes = 0;

  constructor(options: PackingOptions) {
    this.#options = options;
  }

  /** Content bytes packed so far (WAL-G's UncompressedSize). */
  get plainBytes(): number {
    return this.#plainBytes;
  }

  *parts(): Generator<BackupPart> {
    for (let first = this.#next(); first !== undefined; first = this.#next()) {
      yield this.#part(first);
    }
  }

  #next(): DirectoryEntry | undefined {
    const next = this.#options.entries.next();
    return next.done === true ? undefined : next.value;
  }

  #part(first: DirectoryEntry): BackupPart {
    this.#partCount += 1;
    const name = `part_${String(this.#partCount).padStart(3, "0")}.tar`;
    const packed: PartEntry[] = [];
    return {
      name: `tar_partitions/${name}`,
      source: tarSource(() => this.#items(first, name, packed)),
      entries: () => packed,
    };
  }

  async *#items(
    first: DirectoryEntry,
    partName: string,
    packed: PartEntry[],
  ): AsyncGenerator<TarItem> {
    const { files, thresholdBytes, onPart, signal } = this.#options;
    const buffers = new ScanBuffers();
    const pace = new Pace(TURN_FILES);
    let contentBytes = 0;
    let entry: DirectoryEntry | undefined = first;
    while (entry !== undefined) {
      if (entry.kind === "file") {
        await pace.passed(1);
        signal.throwIfAborted();
        const file = await files.plan(entry, buffers);
        if (file?.kind === "unchanged") this.#options.onUnchanged(entry, file.mark);
        else if (file !== undefined) {
          contentBytes += file.sizeBytes;
          yield* this.#fileItem(file, packed);
        }
      } else {
        yield this.#plainItem(entry, packed);
      }
      const isFull = contentBytes > thresholdBytes || packed.length >= ENTRIES_MAX;
      entry = isFull ? undefined : this.#next();
    }
    onPart(partName, packed);
  }

  *#fileItem(file: PackedFile, packed: PartEntry[]): Generator<TarItem> {
    let offset = 0;
    if (file.kind === "increment") this.#options.onIncrement?.(file.entry.name);
    yield {
      header: headerOf(file.entry, file.sizeBytes),
      content: file,
      onOffset: (start) => {
        offset = start;
      },
    };
    // The tar has taken the whole file when it asks for the next item.
    const { hash, pageHashes } = file.digest();
    this.#plainBytes += file.sizeBytes;
    this.#reportCorruption(file);
    const added: PartEntry = {
      path: file.entry.name,
      kind: file.kind,
      sizeBytes: file.sizeBytes,
      xxHash3: hash,
      offset,
      pageHashes,
      corruptBlocks: file.corruptBlocks,
      mode: file.entry.mode,
    };
    packed.push(added);
    this.#options.onEntry(file.entry, added, file.mark);
  }

  #plainItem(entry: DirectoryEntry, packed: PartEntry[]): TarItem {
    return {
      header: headerOf(entry, 0),
      content: undefined,
      onOffset: (offset) => {
        const added: PartEntry = {
          path: entry.name,
          kind: entry.kind === "directory" ? "directory" : "link",
          sizeBytes: 0,
          xxHash3: 0n,
          offset,
          pageHashes: undefined,
          corruptBlocks: [],
          mode: entry.mode,
          linkTarget: entry.kind === "symlink" ? entry.linkTarget : undefined,
        };
        packed.push(added);
        this.#options.onEntry(entry, added);
      },
    };
  }

  #reportCorruption(file: PackedFile): void {
    const { corruptBlocks } = file;
    if (corruptBlocks.length === 0) return;
    const named = corruptBlocks.slice(0, NAMED_BLOCKS_MAX).join(", ");
    const more = corruptBlocks.length > NAMED_BLOCKS_MAX ? ", …" : "";
    this.#options.log.warning(
      `page checksum is wrong in ${file.entry.name.slice(1)}, ` +
        `block ${named}${more}: stored as read`,
      { corruptBlocks: corruptBlocks.length },
    );
  }
}

/** A tar of items that can be read once. */
export function tarSource(items: () => Iterable<TarItem> | AsyncIterable<TarItem>): ByteSource {
  return {
    sizeBytes: undefined,
    replayable: false,
    async *open(signal) {
      for await (const chunk of writeTar(items())) {
        signal.throwIfAborted();
        yield chunk;
      }
    },
  };
}

function headerOf(entry: DirectoryEntry, sizeBytes: number): TarHeader {
  return {
    name: entry.name,
    kind: entry.kind,
    sizeBytes,
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    userName: "",
    groupName: "",
    // WAL-G's writer rounds to the nearest second.
    modifiedAtSeconds: Number((entry.modifiedAtNs + 500_000_000n) / 1_000_000_000n),
    linkName: entry.linkTarget,
  };
}
