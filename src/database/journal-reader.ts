import { walBaseKey } from "../catalog/storage-layout.ts";
import { collect } from "../stream/byte-stream.ts";
import { findObjects } from "../transfer/object-finder.ts";
import { readObject } from "../transfer/object-reader.ts";
import type { Repository } from "../transfer/repository.ts";
import type { JournalReader } from "./adapter.ts";
import { walArchive } from "./journal-archive.ts";

/** A history file names each timeline once: far above what any cluster has. */
const SMALL_FILE_BYTES_MAX = 4 << 20;

/** The archived WAL of a repository, as plans of recoveries and backups look at it. */
export function walReader(repository: Repository): JournalReader {
  const open = async (name: string, signal: AbortSignal) => {
    const preferred = repository.codec.name;
    const [found] = await findObjects(repository.driver, walBaseKey(name), { preferred, signal });
    if (found === undefined) return undefined;
    const { key, codec } = found;
    return await readObject(repository, { key, codec, signal });
  };
  return {
    contains: walArchive(repository).contains,
    open,
    async read(name, signal) {
      const content = await open(name, signal);
      return content === undefined ? undefined : await collect(content, SMALL_FILE_BYTES_MAX);
    },
  };
}
