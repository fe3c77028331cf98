import { dirname, join } from "node:path";
import { letCompilerWork } from "../base/compiler-policy.ts";
import type { Logger } from "../base/log.ts";
import { suffixOf, walBaseKey } from "../catalog/storage-layout.ts";
import { bytesSource } from "../stream/byte-stream.ts";
import { writeObject } from "../transfer/object-writer.ts";
import type { Repository } from "../transfer/repository.ts";
import type { JournalFile } from "./journal.ts";
import { loadPostgresDeltaMaps } from "./registry.ts";

/** What `WALG_USE_WAL_DELTA` does while WAL is archived. Neither call ever rejects. */
export interface WalDelta {
  record(file: JournalFile, signal: AbortSignal): Promise<void>;
  finish(signal: AbortSignal): Promise<void>;
}

/** Maps go where the WAL goes, through the same codec and cipher. */
export async function openWalDelta(
  repository: Repository,
  facts: { readonly path: string; readonly log: Logger },
): Promise<WalDelta> {
  // Some 100,000 records a segment are followed.
  letCompilerWork();
  const { DeltaMapRecorder } = await loadPostgresDeltaMaps();
  return new DeltaMapRecorder({
    directory: join(dirname(facts.path), "walg_data", "wal_delta"),
    log: facts.log,
    store: async (name, map, signal) => {
      const key = walBaseKey(name + suffixOf(repository.codec.extension));
      await writeObject(repository, { key, source: bytesSource(map), ifAbsent: false, signal });
    },
  });
}
