import { assert } from "../../base/assert.ts";
import { FilesystemError } from "../../base/errors.ts";
import { GarbagePace } from "../../base/garbage.ts";
import { formatGoTime } from "../../base/go-time.ts";
import { printJson, quoteJson } from "../../base/json.ts";
import type { LocalZone } from "../../base/local-zone.ts";
import { type ByteSource, type ByteStream, concatBytes } from "../../stream/byte-stream.ts";
import { ChunkPieces, freedWhenRecycled, recycle } from "../../stream/chunk-pool.ts";
import { CompressedText } from "./compressed-text.ts";
import { type FileMark, formatMark, MARK_CHARS_MAX } from "./file-mark.ts";
import type { DatabaseObjects, FileFacts } from "./files-metadata.ts";
import { MarkList } from "./mark-list.ts";
import type { KnownFiles } from "./parent-files.ts";

/**
 * Stands in the text where the extension of the parts goes, which is known at the end. JSON
 * escapes control characters, so it occurs nowhere else.
 */
const SUFFIX_MARK = 0x01;
const SUFFIX_CHAR = "\u0001";
/** Stands for the next mark: digits of hashes cannot be compressed, numbers are half as long. */
const FILE_MARK = 0x02;
const FILE_MARK_CHAR = "\u0002";

/**
 * Collects `files_metadata.json` while the backup runs: entries are appended as they are stored
 * and kept as compressed text. Each name may be added once.
 */
export class FilesMetadataWriter {
  readonly #zone: LocalZone;
  readonly #files = new CompressedText();
  readonly #parts = new CompressedText();
  readonly #databases = new CompressedText();
  readonly #marks: MarkList;
  /** Of all marks as text. */
  #markBytes = 0;
  #partCount = 0;

  /**
   * Times are printed in `zone`, as WAL-G prints them in the local one. `parent`: what the backup
   * builds on and keeps in memory anyway.
   */
  constructor(options: { readonly zone: LocalZone; readonly parent?: KnownFiles | undefined }) {
    this.#zone = options.zone;
    this.#marks = new MarkList(options.parent);
  }

  /** `name` is the entry's name in the tar, or the one that it would have (skipped files). */
  addFile(name: string, facts: FileFacts): void {
    assert(!(facts.isIncremented && facts.isSkipped), `${name} is skipped and incremented`);
    const { corruptBlocks } = facts;
    const corrupt =
      corruptBlocks === undefined
        ? ""
        : `"CorruptBlocks":{"CorruptBlocksCount":${corruptBlocks.count},` +
          `"SomeCorruptBlocks":[${corruptBlocks.some.join(",")}]},`;
    this.#files.append(
      `${this.#files.isEmpty ? "" : ","}${quotedName(name)}:{` +
        `"IsIncremented":${facts.isIncremented},"IsSkipped":${facts.isSkipped},` +
        `"MTime":"${this.#time(facts.mtimeNs)}",${corrupt}` +
        `"UpdatesCount":${facts.updatesCount}${this.#marked(name, facts.mark)}}`,
    );
  }

  /** `partName` is the part's base name without the codec's extension: `part_001.tar`. */
  addPart(partName: string, entryNames: Iterable<string>): void {
    const quoted = quotedName(partName);
    this.#parts.append(`${this.#parts.isEmpty ? "" : ","}${quoted.slice(0, -1)}${SUFFIX_CHAR}":[`);
    let separator = "";
    for (const name of entryNames) {
      this.#parts.append(separator + quotedName(name));
      separator = ",";
    }
    this.#parts.append("]");
    this.#partCount += 1;
  }

  addDatabase(name: string, objects: DatabaseObjects): void {
    const comma = this.#databases.isEmpty ? "" : ",";
    this.#databases.append(`${comma}${quotedName(name)}:{"oid":${objects.oid}`);
    let separator = ',"tables_new":{';
    for (const [table, { oid, relfilenode, subtables }] of objects.tables) {
      const value = { oid, relfilenode, subtables: subtables.size === 0 ? undefined : subtables };
      const text = printJson(value, { escaping: "plain" });
      this.#databases.append(`${separator}${quoteJson(table, "plain")}:${text}`);
      separator = ",";
    }
    this.#databases.append(objects.tables.size === 0 ? "}" : "}}");
  }

  /** The document, replayable. `partSuffix` goes behind the part names: `.zst`, or nothing. */
  finish(partSuffix: string): ByteSource {
    const suffix = new TextEncoder().encode(partSuffix);
    const sections = [
      { key: "Files", text: this.#files },
      { key: "TarFileSets", text: this.#parts },
      { key: "DatabasesByNames", text: this.#databases },
    ].filter(({ text }) => !text.isEmpty);
    const framesBytes = sections.reduce(
      (sum, { key, text }) => {
        return sum + `"${key}":{}`.length + text.sizeBytes();
      },
      Math.max(0, sections.length - 1) + 2,
    );
    return {
      sizeBytes:
        framesBytes +
        this.#partCount * (suffix.byteLength - 1) +
        (this.#markBytes - this.#marks.size),
      replayable: true,
      open: (signal) => write(sections, { suffix, marks: this.#marks }, signal),
    };
  }

  /** What is kept in memory, about. */
  heldBytes(): number {
    const texts = [this.#files, this.#parts, this.#databases];
    return texts.reduce((sum, text) => sum + text.heldBytes(), this.#marks.heldBytes());
  }

  #marked(name: string, mark: FileMark | undefined): string {
    if (mark === undefined) return "";
    this.#marks.add(name, mark);
    this.#markBytes += formatMark(mark).length;
    return `,"TidemarkMark":"${FILE_MARK_CHAR}"`;
  }

  #time(ns: bigint): string {
    const date = new Date(Number(ns / 1_000_000n));
    return formatGoTime({ ns, offsetMinutes: this.#zone.offsetMinutes(date) });
  }
}

async function* write(
  sections: readonly { readonly key: string; readonly text: CompressedText }[],
  { suffix, marks }: { readonly suffix: Uint8Array; readonly marks: MarkList },
  signal: AbortSignal,
): ByteStream & AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let markCount = 0;
  const garbage = new GarbagePace();
  const nextMark = () => {
    garbage.passed();
    return formatMark(marks.get(markCount++));
  };
  let opening = "{";
  for (const { key, text } of sections) {
    yield encoder.encode(`${opening}"${key}":{`);
    opening = ",";
    for (const block of text.read()) {
      signal.throwIfAborted();
      if (key === "TarFileSets") yield withSuffix(block, suffix);
      else yield key === "Files" ? withMarks(block, nextMark) : block;
    }
    yield encoder.encode("}");
  }
  yield encoder.encode(sections.length === 0 ? "{}" : "}");
}

/** The block with each mark replaced; the given one is gone, unless it has none. */
function withSuffix(block: Uint8Array, suffix: Uint8Array): Uint8Array {
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (let at = block.indexOf(SUFFIX_MARK); at >= 0; at = block.indexOf(SUFFIX_MARK, start)) {
    pieces.push(block.subarray(start, at), suffix);
    start = at + 1;
  }
  if (start === 0) return block;
  const replaced = concatBytes([...pieces, block.subarray(start)]);
  recycle(block);
  return freedWhenRecycled(replaced);
}

/** The block with the next marks in their places; the given one is gone, unless it has none. */
function withMarks(block: Uint8Array, nextMark: () => string): Uint8Array {
  const source = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  let count = 0;
  for (let at = source.indexOf(FILE_MARK); at >= 0; at = source.indexOf(FILE_MARK, at + 1)) {
    count += 1;
  }
  if (count === 0) return block;
  const target = Buffer.allocUnsafeSlow(source.byteLength + count * (MARK_CHARS_MAX - 1));
  let filled = 0;
  let start = 0;
  for (let at = source.indexOf(FILE_MARK); at >= 0; at = source.indexOf(FILE_MARK, start)) {
    filled += source.copy(target, filled, start, at);
    filled += target.write(nextMark(), filled, "latin1");
    start = at + 1;
  }
  filled += source.copy(target, filled, start);
  recycle(block);
  const pieces = new ChunkPieces(freedWhenRecycled(target));
  pieces.leftOut(target.byteLength - filled);
  return pieces.piece(0, filled);
}

/** WAL-G refuses names that are not UTF-8; JSON could not give them back. */
function quotedName(name: string): string {
  if (name.isWellFormed() && !name.includes("\ufffd")) return quoteJson(name, "plain");
  throw new FilesystemError(name, "the name is not UTF-8 and cannot be recorded", {
    hint: "Rename or remove the file; PostgreSQL itself never makes such names.",
  });
}
