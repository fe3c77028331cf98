import { relationFileOf } from "../../delta/relation-file.ts";
import { ContentHasher, PAGE_LEAF_BYTES, PLAIN_LEAF_BYTES } from "../../stream/content-hash.ts";
import { ChunkedOutput } from "../../tar/chunked-output.ts";
import {
  encodeTarHeader,
  TAR_END_BYTES,
  type TarHeader,
  tarPaddingBytes,
} from "../../tar/header.ts";
import { TarReader, type TarVisitor } from "../../tar/reader.ts";
import type { PartEntry } from "../../transfer/stored-part.ts";

/** pg_control is some hundred bytes in a file of 8 KiB. */
const CONTROL_BYTES_MAX = 64 << 10;
const CONTROL_NAME = "global/pg_control";
/** A standby sends its own: what is restored from the backup must not wait for a primary. */
const LEFT_OUT = new Set(["standby.signal", "recovery.signal"]);
/** As in local backups: receipts of a part are in memory until it ends. */
const ENTRIES_MAX = 20_000;

/** A part that is being made, and what of it waits to be read. */
export interface SplitPart {
  readonly chunks: Uint8Array[];
  readonly entries: PartEntry[];
  isComplete: boolean;
}

/**
 * Cuts the server's tars into parts of about the threshold. A part never goes over into the next
 * tar. pg_control is taken out: it is stored by itself, last.
 */
export class ArchiveSplitter implements TarVisitor {
  /** Parts that have begun, the oldest first. */
  readonly parts: SplitPart[] = [];
  /** Set once the server has sent it. */
  control: { readonly header: TarHeader; readonly content: Uint8Array } | undefined;
  readonly #thresholdBytes: number;
  readonly #onFile: (header: TarHeader) => void;
  #reader: TarReader | undefined;
  #prefix = "";
  #part: SplitPart | undefined;
  #output = new ChunkedOutput();
  #contentBytes = 0;
  #plainBytes = 0;
  #current: { header: TarHeader; offset: number; hasher: ContentHasher } | undefined;
  #controlChunks: Uint8Array[] | undefined;
  #controlHeader: TarHeader | undefined;

  constructor(thresholdBytes: number, onFile: (header: TarHeader) => void) {
    this.#thresholdBytes = thresholdBytes;
    this.#onFile = onFile;
  }

  /** Content bytes of all entries so far. */
  get plainBytes(): number {
    return this.#plainBytes;
  }

  /** `prefix` is put before each name: `pg_tblspc/16400/` for a tablespace's tar. */
  beginArchive(prefix: string, what: string): void {
    this.#prefix = prefix;
    this.#reader = new TarReader(this, { what });
  }

  push(chunk: Uint8Array): void {
    this.#reader?.push(chunk);
  }

  endArchive(): void {
    this.#reader?.finish();
    this.#reader = undefined;
    this.#closePart();
  }

  begin(header: TarHeader): void {
    const named = { ...header, name: this.#prefix + header.name.replace(/^\.\//, "") };
    if (named.name === CONTROL_NAME && named.sizeBytes <= CONTROL_BYTES_MAX) {
      this.#controlHeader = named;
      this.#controlChunks = [];
      return;
    }
    if (LEFT_OUT.has(named.name)) return;
    const isFull = this.#contentBytes + named.sizeBytes > this.#thresholdBytes;
    const entryCount = this.#part?.entries.length ?? 0;
    if ((this.#contentBytes > 0 && isFull) || entryCount >= ENTRIES_MAX) this.#closePart();
    this.#openPart();
    this.#append(encodeTarHeader(named));
    const isPaged = relationFileOf(named.name) !== undefined;
    const leafBytes = isPaged ? PAGE_LEAF_BYTES : PLAIN_LEAF_BYTES;
    const hasher = new ContentHasher(leafBytes, named.sizeBytes);
    this.#current = { header: named, offset: this.#output.totalBytes, hasher };
  }

  content(chunk: Uint8Array): void {
    if (this.#controlChunks !== undefined) {
      this.#controlChunks.push(chunk.slice());
      return;
    }
    if (this.#current === undefined) return;
    this.#current.hasher.update(chunk);
    this.#append(chunk);
  }

  end(): void {
    if (this.#controlChunks !== undefined && this.#controlHeader !== undefined) {
      const content = Buffer.concat(this.#controlChunks);
      this.control = { header: this.#controlHeader, content };
      this.#controlChunks = undefined;
      this.#onFile(this.#controlHeader);
      return;
    }
    if (this.#current === undefined) return;
    const { header, offset, hasher } = this.#current;
    this.#give(this.#output.zeros(tarPaddingBytes(header.sizeBytes)));
    this.#contentBytes += header.sizeBytes;
    this.#plainBytes += header.sizeBytes;
    this.#part?.entries.push(entryOf(header, offset, hasher));
    if (header.kind !== "directory") this.#onFile(header);
    this.#current = undefined;
  }

  #openPart(): void {
    if (this.#part !== undefined) return;
    this.#part = { chunks: [], entries: [], isComplete: false };
    this.#output = new ChunkedOutput();
    this.#contentBytes = 0;
    this.parts.push(this.#part);
  }

  #closePart(): void {
    if (this.#part === undefined) return;
    this.#give(this.#output.zeros(TAR_END_BYTES));
    this.#give(this.#output.rest());
    this.#part.isComplete = true;
    this.#part = undefined;
    this.#contentBytes = 0;
  }

  #append(bytes: Uint8Array): void {
    this.#give(this.#output.append(bytes));
  }

  #give(chunks: Iterable<Uint8Array>): void {
    for (const chunk of chunks) this.#part?.chunks.push(chunk);
  }
}

function entryOf(header: TarHeader, offset: number, hasher: ContentHasher): PartEntry {
  const isFile = header.kind === "file";
  const isPaged = relationFileOf(header.name) !== undefined;
  const { hash, leaves } = hasher.digest();
  return {
    path: header.name,
    kind: isFile ? "whole" : header.kind === "directory" ? "directory" : "link",
    sizeBytes: header.sizeBytes,
    xxHash3: isFile ? hash : 0n,
    offset,
    pageHashes: isFile && isPaged ? leaves : undefined,
    mode: header.mode,
    linkTarget: header.kind === "symlink" ? header.linkName : undefined,
    corruptBlocks: [],
  };
}
