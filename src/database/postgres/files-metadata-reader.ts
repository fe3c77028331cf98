import { CorruptObjectError } from "../../base/errors.ts";
import { GarbagePace } from "../../base/garbage.ts";
import { parseGoTime } from "../../base/go-time.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../base/json.ts";
import { JsonDocument } from "../../base/json-document.ts";
import type { ByteStream } from "../../stream/byte-stream.ts";
import { type JsonMember, readJsonMembers } from "../../stream/json-members.ts";
import { parseMark } from "./file-mark.ts";
import type { CorruptBlocks, FileFacts, FilesMetadata } from "./files-metadata.ts";

/** Called for each entry as it is read; of entries that come twice the last one counts. */
export interface FilesMetadataVisitor {
  file?(name: string, facts: FileFacts): void;
  /** `name` carries the codec's extension: `part_001.tar.zst`. */
  part?(name: string, entryNames: readonly string[]): void;
  database?(name: string, value: JsonValue): void;
}

/**
 * Reads `files_metadata.json` entry by entry: memory is that of the largest part's list of names.
 * What was visited counts only once this resolves; damage is a `CorruptObjectError` naming `what`.
 */
export async function readFilesMetadata(
  stream: ByteStream,
  what: string,
  visitor: FilesMetadataVisitor,
): Promise<void> {
  const garbage = new GarbagePace();
  await readJsonMembers(stream, what, (member) => {
    visitMember(what, member, visitor);
    garbage.passed(Array.isArray(member.value) ? member.value.length : 1);
  });
}

/** A whole document from the sentinel of release 1, which has it inline (`inlineFilesMetadata`). */
export function decodeInlineFilesMetadata(document: JsonObject, what: string): FilesMetadata {
  const loading = new Loading();
  for (const [section, members] of Object.entries(document)) {
    if (!isJsonObject(members)) continue;
    for (const [key, value] of Object.entries(members)) {
      visitMember(what, { section, key, value }, loading);
    }
  }
  return loading;
}

class Loading implements FilesMetadata, FilesMetadataVisitor {
  readonly files = new Map<string, FileFacts>();
  readonly parts = new Map<string, readonly string[]>();
  readonly databases = new Map<string, JsonValue>();

  file(name: string, facts: FileFacts): void {
    this.files.set(name, facts);
  }

  part(name: string, entryNames: readonly string[]): void {
    this.parts.set(name, entryNames);
  }

  database(name: string, value: JsonValue): void {
    this.databases.set(name, value);
  }
}

function visitMember(what: string, member: JsonMember, visitor: FilesMetadataVisitor): void {
  const { section, key, value } = member;
  // As in Go, keys match without regard to case.
  const known = section.toLowerCase();
  if (known !== "files" && known !== "tarfilesets" && known !== "databasesbynames") return;
  if (key === undefined) {
    if (value === null) return;
    throw new CorruptObjectError(what, `${section} is not an object`);
  }
  if (known === "files") visitor.file?.(key, decodeFile(what, key, value));
  else if (known === "tarfilesets") visitor.part?.(key, decodeNames(what, key, value));
  else visitor.database?.(key, value);
}

function decodeFile(what: string, name: string, value: JsonValue): FileFacts {
  if (!isJsonObject(value)) throw new CorruptObjectError(what, `file ${name} is not an object`);
  const fields = new JsonDocument(`${what}: file ${name}`, value);
  const text = fields.required("MTime", fields.text("MTime"));
  const mtime = parseGoTime(text);
  if (mtime === undefined) throw fields.fault("MTime", `is not a time: ${JSON.stringify(text)}`);
  const mark = fields.text("TidemarkMark");
  const isIncremented = fields.flag("IsIncremented");
  const isSkipped = fields.flag("IsSkipped");
  if (isIncremented && isSkipped) throw fields.fault("IsSkipped", "contradicts IsIncremented");
  return {
    isIncremented,
    isSkipped,
    mtimeNs: mtime.ns,
    corruptBlocks: decodeCorruptBlocks(fields.nested("CorruptBlocks")),
    updatesCount: fields.unsigned("UpdatesCount") ?? 0n,
    mark: mark === undefined ? undefined : parseMark(mark),
  };
}

function decodeCorruptBlocks(fields: JsonDocument | undefined): CorruptBlocks | undefined {
  if (fields === undefined) return undefined;
  const some = fields.value("SomeCorruptBlocks") ?? [];
  const isList = Array.isArray(some) && some.every((block) => Number.isSafeInteger(block));
  if (!isList) throw fields.fault("SomeCorruptBlocks", "is not a list of block numbers");
  return { count: fields.count("CorruptBlocksCount") ?? 0, some: some.map(Number) };
}

function decodeNames(what: string, part: string, value: JsonValue): readonly string[] {
  // Go prints an empty list as null too.
  if (value === null) return [];
  if (Array.isArray(value) && value.every((name) => typeof name === "string")) return value;
  throw new CorruptObjectError(what, `part ${part} is not a list of names`);
}
