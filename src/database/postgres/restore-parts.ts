import { closeSync, ftruncateSync } from "node:fs";
import { CorruptObjectError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import { IncrementApplier } from "../../delta/increment-apply.ts";
import { hasOrioleHeader } from "../../delta/increment-format.ts";
import type { ByteStream } from "../../stream/byte-stream.ts";
import { ContentHasher, PAGE_LEAF_BYTES, PLAIN_LEAF_BYTES } from "../../stream/content-hash.ts";
import type { TarHeader } from "../../tar/header.ts";
import { TarReader, type TarVisitor } from "../../tar/reader.ts";
import type { PartEntry, PartReceipt } from "../../transfer/stored-part.ts";
import type { WantedFiles } from "./restore-files.ts";
import type { FileSyncer } from "./restore-sync.ts";
import { type RestoreTree, targetPathOf } from "./restore-tree.ts";
import { PartWrites, unwritable } from "./restore-writes.ts";

/** What holds for every part of one backup. */
export interface PartRules {
  readonly tree: RestoreTree;
  readonly syncer: FileSyncer;
  readonly wanted: WantedFiles;
  /** Where an entry goes, by its path below the target; undefined: nowhere. */
  place(path: string): string | undefined;
  /** WAL-G wrote the backup: its links have lost their targets. */
  readonly isForeign: boolean;
  readonly isEndLenient: boolean;
  readonly log: Logger;
}

interface RestoredPart {
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

/** Where the bytes of the present entry go. */
interface Sink {
  push(bytes: Uint8Array): void;
  end(): void;
  close(): void;
}

const NOWHERE: Sink = { push: () => {}, end: () => {}, close: () => {} };

class PartRestorer implements TarVisitor {
  readonly #what: string;
  readonly #rules: PartRules;
  readonly #writes: PartWrites;
  readonly #expected: ReadonlyMap<number, PartEntry> | undefined;
  readonly #restored: string[] = [];
  #provenCount = 0;
  #sink: Sink = NOWHERE;
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
    const { wanted } = this.#rules;
    const path = targetPathOf(header.name, this.#what);
    // Directories are never left out: an empty one may be needed.
    if (header.kind === "directory") this.#rules.tree.directory(path, header.mode);
    else if (header.kind === "symlink") this.#link(path, header);
    else if (header.kind === "file") this.#sink = this.#open(path, header);
    else if (header.kind === "hardlink") this.#fail(`${header.name} is a hard link`);
    else this.#rules.log.warning(`${header.name} is a ${header.kind}: not restored`);
    if (wanted.wants(header.name)) this.#restored.push(header.name);
  }

  content(chunk: Uint8Array): void {
    this.#hasher?.update(chunk);
    this.#sink.push(chunk);
  }

  end(): void {
    this.#sink.end();
    this.#sink = NOWHERE;
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
    for (const name of this.#restored) this.#rules.wanted.markRestored(name);
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

  #open(path: string, header: TarHeader): Sink {
    const { tree, wanted } = this.#rules;
    const place = wanted.wants(header.name) ? this.#rules.place(path) : undefined;
    if (place === undefined) return NOWHERE;
    const isIncrement = this.#entry?.kind === "increment" || wanted.isIncrement(header.name);
    const fullPath = tree.pathOf(place);
    const descriptor = isIncrement ? tree.openExisting(place) : tree.create(place, header.mode);
    const file = new OpenFile(descriptor, fullPath, this.#rules.syncer, this.#writes);
    if (!isIncrement) return file;
    const isOriole = hasOrioleHeader(path);
    return incrementSink(file, { isOriole, what: `${this.#what}: ${header.name}` });
  }

  #fail(detail: string): never {
    throw new CorruptObjectError(this.#what, detail);
  }
}

/** A file that is written from its start, or in places. */
class OpenFile implements Sink {
  readonly #descriptor: number;
  readonly #path: string;
  readonly #syncer: FileSyncer;
  readonly #writes: PartWrites;
  /** Of this file, those that may still run. */
  readonly #running: Promise<void>[] = [];
  #position = 0;
  #isOpen = true;

  constructor(descriptor: number, path: string, syncer: FileSyncer, writes: PartWrites) {
    this.#descriptor = descriptor;
    this.#path = path;
    this.#syncer = syncer;
    this.#writes = writes;
  }

  push(bytes: Uint8Array): void {
    this.writeAt(bytes, this.#position);
    this.#position += bytes.byteLength;
  }

  writeAt(bytes: Uint8Array, position: number): void {
    const writing = this.#writes.write(this.#descriptor, bytes, position, this.#path);
    if (writing !== undefined) this.#running.push(writing);
  }

  truncate(sizeBytes: number): void {
    try {
      ftruncateSync(this.#descriptor, sizeBytes);
    } catch (cause) {
      throw unwritable(this.#path, cause);
    }
  }

  end(): void {
    this.#isOpen = false;
    this.#syncer.add(this.#descriptor, this.#path, this.#running);
  }

  close(): void {
    if (this.#isOpen) closeSync(this.#descriptor);
    this.#isOpen = false;
  }
}

function incrementSink(
  file: OpenFile,
  options: { readonly isOriole: boolean; readonly what: string },
): Sink {
  const applier = new IncrementApplier(file, options);
  return {
    push: (bytes) => applier.push(bytes),
    end: () => {
      applier.finish();
      file.end();
    },
    close: () => file.close(),
  };
}
