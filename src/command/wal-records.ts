import { dirname, join } from "node:path";
import type { JournalFile } from "../database/journal.ts";
import type { Repository } from "../transfer/repository.ts";
import type { Invocation } from "./command.ts";

/** What is kept of archived WAL beside the WAL itself, where the settings want it. */
export interface WalRecords {
  /** The storage has the file. */
  record(file: JournalFile): Promise<void>;
  /** The end of the run. */
  finish(): Promise<void>;
}

/** Loaded only where they are wanted: this is on the way of each segment. */
export async function openWalRecords(
  { settings, log, signal }: Invocation,
  facts: { readonly repository: Repository; readonly path: string },
): Promise<WalRecords> {
  const { repository, path } = facts;
  const records: Awaited<ReturnType<typeof openWalMaps>>[] = [];
  const mode = settings.text("UPLOAD_WAL_METADATA")?.toLowerCase();
  if (mode === "individual" || mode === "bulk") {
    const { WalMetadata } = await import("../database/wal-metadata.ts");
    const directory = join(dirname(path), "walg_data", "wal_metadata");
    records.push(new WalMetadata(repository, { mode, directory }));
  }
  if (settings.flag("USE_WAL_DELTA")) records.push(await openWalMaps(facts, log));
  return {
    record: async (file) => {
      for (const each of records) await each.record(file, signal);
    },
    finish: async () => {
      for (const each of records) await each.finish(signal);
    },
  };
}

async function openWalMaps(
  { repository, path }: { readonly repository: Repository; readonly path: string },
  log: Invocation["log"],
) {
  const { openWalDelta } = await import("../database/wal-delta.ts");
  return await openWalDelta(repository, { path, log });
}
