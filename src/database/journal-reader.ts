import { collect } from "../stream/byte-stream.ts";
import { readObject } from "../transfer/object-reader.ts";
import type { Repository } from "../transfer/repository.ts";
import type { JournalReader } from "./adapter.ts";
import { walArchive } from "./journal-archive.ts";
import { type FindJournal, findIn } from "./journal-lookup.ts";

/** A history file names each timeline once: far above what any cluster has. */
const SMALL_FILE_BYTES_MAX = 4 << 20;

/** The archived WAL of a repository, or of several, as plans of recoveries and backups see it. */
export function walReader(source: Repository | FindJournal): JournalReader {
  const find = typeof source === "function" ? source : findIn(source);
  const open = async (name: string, signal: AbortSignal) => {
    const [found] = await find(name, signal);
    if (found === undefined) return undefined;
    return await readObject(found.repository, { ...found.object, signal });
  };
  return {
    contains: walArchive(find).contains,
    open,
    async read(name, signal) {
      const content = await open(name, signal);
      return content === undefined ? undefined : await collect(content, SMALL_FILE_BYTES_MAX);
    },
  };
}
