import type { Sentinel } from "../../catalog/sentinel.ts";
import type { RestoreRequest } from "../adapter.ts";
import { decodeInlineFilesMetadata, readFilesMetadata } from "./files-metadata-reader.ts";
import type { FileListVisitor, ListedBackup } from "./restore-files.ts";
import { inlineFilesMetadata } from "./sentinel-document.ts";

/** What a backup of the chain says of its files. */
export function listedBackup(sentinel: Sentinel, request: RestoreRequest): ListedBackup {
  const isAlone = request.chain.length === 1;
  return {
    backup: sentinel.name,
    read: async (visitor) => {
      // Receipts prove more, and a list of all files of a large cluster takes much memory.
      if (isAlone && request.receipted.has(sentinel.name)) return false;
      return await readList(sentinel, request, visitor);
    },
  };
}

async function readList(
  sentinel: Sentinel,
  request: RestoreRequest,
  visitor: FileListVisitor,
): Promise<boolean> {
  const what = `files_metadata.json of ${sentinel.name}`;
  const inline = inlineFilesMetadata(sentinel);
  if (inline !== undefined) {
    const { files, parts } = decodeInlineFilesMetadata(inline, what);
    for (const [name, facts] of files) visitor.file(name, facts);
    for (const [name, entryNames] of parts) visitor.part(name, entryNames);
    return true;
  }
  const stored = await request.document(sentinel.name, "files_metadata.json");
  if (stored === undefined) return false;
  let isEmpty = true;
  await readFilesMetadata(stored, what, {
    file: (name, facts) => {
      isEmpty = false;
      visitor.file(name, facts);
    },
    part: (name, entryNames) => visitor.part(name, entryNames),
  });
  return !isEmpty;
}
