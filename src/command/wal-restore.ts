import { resolve } from "node:path";
import { ToolError } from "../base/errors.ts";
import { fetchJournal } from "../database/fetch-journal.ts";
import { findInAll } from "../database/journal-lookup.ts";
import { walReader } from "../database/journal-reader.ts";
import { loadPostgresRewind } from "../database/registry.ts";
import type { Invocation } from "./command.ts";
import { openReadable } from "./storage-access.ts";

/** The archive answered, and does not have the file. */
const ABSENT: ReadonlySet<string> = new Set(["journal-not-found", "journal-hole"]);

/** Completes the WAL of two diverged data directories, so that pg_rewind can do its work. */
export async function run(invocation: Invocation): Promise<void> {
  const { settings, log, clock, signal } = invocation;
  const [targetDir = "", sourceDir = ""] = invocation.arguments;
  const { restoreRewindWal } = await loadPostgresRewind();
  const retryBudgetMs = settings.durationMs("FETCH_RETRY_BUDGET") ?? 0;
  await using storages = await openReadable(invocation, { retryBudgetMs });
  const reader = walReader(findInAll(storages.repositories, { ...storages, log }));
  const restored = await restoreRewindWal({
    targetDir: resolve(targetDir),
    sourceDir: resolve(sourceDir),
    archive: {
      small: (name) => reader.read(name, signal),
      fetch: async (name, place) => {
        try {
          await fetchJournal({
            ...storages,
            name,
            ...place,
            isDurable: true,
            retryBudgetMs,
            clock,
            log,
            signal,
          });
          return true;
        } catch (error) {
          if (error instanceof ToolError && ABSENT.has(error.code)) return false;
          throw error;
        }
      },
    },
    fetchesMax: settings.whole("DOWNLOAD_CONCURRENCY") ?? 1,
    clock,
    log,
    signal,
  });
  if (restored.length === 0) log.info("No WAL files to restore");
}
