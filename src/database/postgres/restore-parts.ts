import { CorruptObjectError } from "../../base/errors.ts";
import { GarbagePace } from "../../base/garbage.ts";
import type { Logger } from "../../base/log.ts";
import type { IncrementShape } from "../../delta/increment-apply.ts";
import type { ByteStream } from "../../stream/byte-stream.ts";
import { ContentHasher, PAGE_LEAF_BYTES, PLAIN_LEAF_BYTES } from "../../stream/content-hash.ts";
import type { TarHeader } from "../../tar/header.ts";
import { TarReader, type TarVisitor } from "../../tar/reader.ts";
import type { PartEntry, PartReceipt } from "../../transfer/stored-part.ts";
import { type EntrySink, IncrementEntry, WholeEntry } from "./restore-entry.ts";
import type { BackupFiles } from "./restore-files.ts";
import type { FileSyncer } from "./restore-sync.ts";
import { type RestoreTree, targetPathOf } from "./restore-tree.ts";
import { PartWrites } from "./restore-writes.ts";

/** What holds for every part of one backup. */
export interface PartRules {
  readonly tree: RestoreTree;
  readonly syncer: FileSyncer;
  readonly files: BackupFiles;
  /** Where a file goes, by its path below the target; undefined: nowhere. */
  place(path: string): string | undefined;
  /** Told of files that are in the part and not wanted; of an increment without a size. */
  onUnwanted?(path: string, sizeBytes: number | undefined): void;
  /** Told of each increment before its file is touched: the last chance to refuse it. */
  onIncrement?(place: string, shape: IncrementShape): void;
  /** WAL-G wrote the backup: its links have lost their targets. */
  readonly isForeign: boolean;
  readonly isEndLenient: boolean;
  readonly log: Logger;
}

export interface RestoredPart {
  readonly name: string;
  readonly receipt: PartReceipt | undefined;
}

/**
 * Writes one part's files. Everything is checked as it passes: the tar itself, and with a receipt
 * each file's size and hash and that none is missing. Files are durable when the syncer settled.
 */
export async function restorePartFiles(
  part: RestoredPart,
  content: ByteStream,
  rules: PartRules,
): Promise<void> {
  const writes = new PartWrites(rules.syncer);
  const restorer = new PartRestorer(part, rules, writes);
  const { name: what } = part;
  const reader = new TarReader(restorer, { what, isEndLenient: rules.isEndLenient });
  try {
    for await (const chunk of content) {
      reader.push(chunk);
      await writes.passed(chunk);
      if (rules.syncer.isFull) await rules.syncer.room();
    }
    reader.finish();
    await writes.settle();
    restorer.finish();
  } finally {
    // A descriptor that is still written to must not be closed: its number may be used again.
    await writes.idle();
    restorer.close();
  }
}

const NOWHERE: EntrySink = { push: () => {}, end: () => undefined, close: () => {} };

interface RestoredEntry {
  readonly name: string;
  readonly shape: IncrementShape | undefined;
}

class PartRestorer implements TarVisitor {
  readonly #what: string;
  readonly #rules: PartRules;
  readonly #writes: PartWrites;
  readonly #expected: ReadonlyMap<number, PartEntry> | undefined;
  readonly #restored: RestoredEntry[] = [];
  readonly #garbage = new GarbagePace();
  #provenCount = 0;
  #sink: EntrySink = NOWHERE;
  #hasher: ContentHasher | undefined;
  #entry: PartEntry | undefined;
  #name = "";

  constructor({ name, receipt }: RestoredPart, rules: PartRules, writes: PartWrites) {
    this.#what = name;
    this.#rules = rules;
    this.#writes = writes;
    this.#expected =
      receipt && new Map(receipt.entries.map((entry) => [entry.offset, entry] as const));
  }

  begin(header: TarHeader, contentOffset: number): void {
    this.#name = header.name;
    this.#entry = this.#expectedAt(header, contentOffset);
    this.#hasher = this.#hasherOf(header);
    const { tree, files, log } = this.#rules;
    const path = targetPathOf(header.name, this.#what);
    // Directories and links are as the newest backup has them; none is left out: an empty
    // directory may be needed.
    if (header.kind === "directory") {
      if (files.isNewest) tree.directory(path, header.mode);
    } else if (header.kind === "symlink") {
      if (files.isNewest) this.#link(path, header);
    } else if (header.kind === "file") this.#sink = this.#open(path, header);
    else if (header.kind === "hardlink") this.#fail(`${header.name} is a hard link`);
    else log.warning(`${header.name} is a ${header.kind}: not restored`);
  }

  content(chunk: Uint8Array): void {
    this.#hasher?.update(chunk);
    this.#sink.push(chunk);
  }

  end(): void {
    const shape = this.#sink.end();
    this.#sink = NOWHERE;
    if (this.#rules.files.wants(this.#name)) this.#restored.push({ name: this.#name, shape });
    this.#garbage.passed();
    if (this.#entry === undefined) return;
    this.#provenCount += 1;
    if (this.#hasher === undefined || this.#hasher.digest().hash === this.#entry.xxHash3) return;
    this.#fail(`${this.#name} has another content than the receipts say`);
  }

  /** The tar has ended. */
  finish(): void {
    const expectedCount = this.#expected?.size ?? 0;
    if (this.#provenCount !== expectedCount) {
      this.#fail(`it has ${this.#provenCount} entries, the receipts say ${expectedCount}`);
    }
    // Not before: a part that failed is restored again, and must write the same pages.
    for (const { name, shape } of this.#restored) this.#rules.files.markRestored(name, shape);
  }

  /** Gives up what a failure left open. */
  close(): void {
    this.#sink.close();
    this.#sink = NOWHERE;
  }

  #expectedAt(header: TarHeader, offset: number): PartEntry | undefined {
    if (this.#expected === undefined) return undefined;
    const entry = this.#expected.get(offset);
    if (entry?.path !== header.name || entry.sizeBytes !== header.sizeBytes) {
      this.#fail(`${header.name} (${header.sizeBytes} bytes) is not what the receipts say`);
    }
    return entry;
  }

  #hasherOf(header: TarHeader): ContentHasher | undefined {
    if (this.#entry === undefined || header.kind !== "file") return undefined;
    const isPaged = this.#entry.pageHashes !== undefined;
    return new ContentHasher(isPaged ? PAGE_LEAF_BYTES : PLAIN_LEAF_BYTES, header.sizeBytes);
  }

  #link(path: string, header: TarHeader): void {
    const { tree, isForeign, log } = this.#rules;
    if (tree.isTablespace(path)) return;
    if (!isForeign) {
      tree.link(path, header.linkName);
      return;
    }
    // WAL-G keeps a link's own name instead of its target, and restores it so.
    log.warning(`the backup does not say where the link ${header.name} pointed`);
    tree.link(path, header.name);
  }

  #open(path: string, header: TarHeader): EntrySink {
    const { files, place: placeOf, onUnwanted } = this.#rules;
    const { name, mode, sizeBytes } = header;
    const isIncrement = this.#entry?.kind === "increment" || files.isIncrement(name);
    if (!files.wants(name)) {
      onUnwanted?.(path, isIncrement ? undefined : sizeBytes);
      return NOWHERE;
    }
    const place = placeOf(path);
    if (place === undefined) return NOWHERE;
    const entry = { name, place, mode, sizeBytes, what: `${this.#what}: ${name}` };
    const rules = { ...this.#rules, writes: this.#writes };
    return isIncrement ? new IncrementEntry(entry, rules) : new WholeEntry(entry, rules);
  }

  #fail(detail: string): never {
    throw new CorruptObjectError(this.#what, detail);
  }
}
