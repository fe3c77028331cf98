import type { Clock } from "../base/clock.ts";
import { ToolError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { walBaseKey } from "../catalog/storage-layout.ts";
import { findObjects } from "../transfer/object-finder.ts";
import type { Repository } from "../transfer/repository.ts";
import type { JournalArchive } from "./adapter.ts";

const POLL_FIRST_MS = 20;
const POLL_MAX_MS = 1000;

/** A journal file that a backup needs did not reach the repository. */
export class ArchiveTimeoutError extends ToolError {
  readonly journal: string;

  constructor(journal: string, timeoutMs: number) {
    super({
      code: "archive-timeout",
      message: `WAL file ${journal} did not reach the repository within ${timeoutMs / 1000} s`,
      hint:
        "Check archive_mode and archive_command (or wal-receive) and the server's log; " +
        "TIDEMARK_ARCHIVE_TIMEOUT waits longer, TIDEMARK_ARCHIVE_CHECK=false trusts blindly.",
    });
    this.journal = journal;
  }
}

/** The archived WAL of a repository, as the backup looks at it. */
export function walArchive(repository: Repository): JournalArchive {
  return {
    async contains(name, signal) {
      const found = await findObjects(repository.driver, walBaseKey(name), {
        preferred: repository.codec.name,
        signal,
      });
      return found.length > 0;
    },
  };
}

export interface ArchiveWait {
  readonly archive: JournalArchive;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Returns once every named file is in the repository: the archiver's own word is not enough. */
export async function waitForJournal(names: readonly string[], wait: ArchiveWait): Promise<void> {
  const startMs = wait.clock.monotonicMs();
  for (const name of names) {
    for (let delayMs = POLL_FIRST_MS; ; delayMs = Math.min(delayMs * 2, POLL_MAX_MS)) {
      if (await wait.archive.contains(name, wait.signal)) break;
      const leftMs = wait.timeoutMs - (wait.clock.monotonicMs() - startMs);
      if (leftMs <= 0) throw new ArchiveTimeoutError(name, wait.timeoutMs);
      if (delayMs === POLL_MAX_MS) wait.log.info(`waiting for WAL file ${name} in the repository`);
      await wait.clock.sleep(Math.min(delayMs, leftMs), wait.signal);
    }
  }
}
