import type { JsonValue } from "../../src/base/json.ts";
import type { FileFacts, FilesMetadata } from "../../src/database/postgres/files-metadata.ts";
import { readFilesMetadata } from "../../src/database/postgres/files-metadata-reader.ts";
import type { ByteStream } from "../../src/stream/byte-stream.ts";

/** A whole `files_metadata.json` in memory, as the reader tells it entry by entry. */
export async function loadFilesMetadata(stream: ByteStream, what: string): Promise<FilesMetadata> {
  const files = new Map<string, FileFacts>();
  const parts = new Map<string, readonly string[]>();
  const databases = new Map<string, JsonValue>();
  await readFilesMetadata(stream, what, {
    file: (name, facts) => files.set(name, facts),
    part: (name, entryNames) => parts.set(name, entryNames),
    database: (name, value) => databases.set(name, value),
  });
  return { files, parts, databases };
}
