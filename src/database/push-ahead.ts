import { ToolError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { forEachConcurrently } from "../base/pool.ts";
import type { ByteSource } from "../stream/byte-stream.ts";
import type { Repository } from "../transfer/repository.ts";
import type { JournalFile, JournalQueue } from "./journal.ts";
import type { FindJournal } from "./journal-lookup.ts";
import { pushJournalFile } from "./push-journal.ts";

export interface AheadRequest {
  readonly repository: Repository;
  readonly elsewhere?: FindJournal | undefined;
  readonly queue: JournalQueue;
  readonly names: readonly string[];
  readonly workersMax: number;
  /** Opens and checks a waiting file. */
  readonly open: (name: string) => JournalFile;
  /** Asked before each file: whether there is still reason to go on. */
  readonly mayGoOn: () => boolean;
  /** Told of each file that the storage has. */
  readonly onStored: (file: JournalFile) => Promise<void>;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Stores files before the server asks for them. Each is marked only when the storage has it; the
 * first that fails ends the run, and fails again, loudly, when the server asks for it.
 */
export async function pushAhead(request: AheadRequest): Promise<void> {
  const { names, queue, mayGoOn, workersMax, signal } = request;
  const wanted = function* () {
    for (const name of names) {
      if (!mayGoOn()) return;
      if (queue.isWaiting(name)) yield name;
    }
  };
  const concurrencyMax = Math.min(workersMax, names.length);
  await forEachConcurrently(wanted(), { concurrencyMax, signal }, async (name, workSignal) => {
    if (await storeWaiting({ ...request, signal: workSignal }, name)) queue.mark(name);
  });
}

/** False: the server wants the file no more. */
async function storeWaiting(request: AheadRequest, name: string): Promise<boolean> {
  const { repository, elsewhere, queue, log, signal, onStored } = request;
  using file = request.open(name);
  const isWanted = () => queue.isWaiting(name) && file.isInPlace();
  const source = whileWanted(file.source, isWanted, file.path);
  try {
    // Other content under the name is for the server's own call to judge.
    const rules = { mayOverwrite: false, elsewhere, log, signal };
    await pushJournalFile(repository, { ...file, source }, rules);
  } catch (error) {
    if (!(error instanceof NotWantedError)) throw error;
    log.debug(error.message);
    return false;
  }
  await onStored(file);
  return true;
}

/**
 * What the server wants no more it writes into again, under another name: so the last byte counts
 * only if the file still had its own name after it was read.
 */
function whileWanted(source: ByteSource, isWanted: () => boolean, path: string): ByteSource {
  return {
    ...source,
    async *open(signal) {
      yield* source.open(signal);
      if (!isWanted()) throw new NotWantedError(path);
    },
  };
}

class NotWantedError extends ToolError {
  constructor(path: string) {
    super({ code: "internal", message: `WAL file '${path}' was archived while it was read` });
  }
}
