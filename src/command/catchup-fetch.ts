import { resolve } from "node:path";
import { Catalog } from "../catalog/catalog.ts";
import { parseSelector } from "../catalog/selector.ts";
import { fetchBackup } from "../database/fetch-backup.ts";
import { walReader } from "../database/journal-reader.ts";
import { loadPostgresCatchup } from "../database/registry.ts";
import { openCatchupRepository } from "./catchup-repository.ts";
import type { Invocation, Progress } from "./command.ts";

/** Parts applied at once: more than one a processor would only take memory. */
const PARTS_MAX = Math.max(2, navigator.hardwareConcurrency);

/** Brings a stopped standby forward in place; until it is complete no server starts there. */
export async function run(invocation: Invocation): Promise<void> {
  const { settings, log, clock, signal } = invocation;
  const [directory = "", name = ""] = invocation.arguments;
  const { catchupAdapter } = await loadPostgresCatchup();
  await using repository = await openCatchupRepository(invocation, "read");
  const adapter = catchupAdapter(walReader(repository));
  const catalog = new Catalog({ repository, database: adapter.kind });
  const selector = parseSelector({ name, userData: undefined });
  const { name: backup } = await catalog.find(selector, signal);
  let progress: Progress | undefined;
  await fetchBackup({
    adapter,
    repository,
    backup,
    targetDir: resolve(directory),
    options: {
      mask: undefined,
      restoreSpec: undefined,
      syncsFiles: !settings.flag("TAR_DISABLE_FSYNC"),
      isDelta: false,
      only: [],
    },
    recovery: undefined,
    partsMax: Math.min(settings.whole("DOWNLOAD_CONCURRENCY") ?? PARTS_MAX, PARTS_MAX),
    retriesMax: settings.whole("DOWNLOAD_FILE_RETRIES") ?? 0,
    clock,
    log,
    signal,
    onBegin: (totalBytes) => {
      progress = invocation.progress("catchup-fetch", totalBytes);
    },
    onPlainBytes: (bytes) => progress?.advance(bytes),
  }).finally(() => progress?.finish());
  log.info(`${directory} was brought forward with ${backup}: it can be started`);
}
