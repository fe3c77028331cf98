import type { Clock } from "../base/clock.ts";
import { ToolError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { type ByteStream, concatBytes } from "../stream/byte-stream.ts";
import { readObject } from "../transfer/object-reader.ts";
import type { Repository } from "../transfer/repository.ts";
import type { JournalArchive } from "./adapter.ts";
import { type FindJournal, findIn } from "./journal-lookup.ts";

const POLL_FIRST_MS = 20;
const POLL_MAX_MS = 1000;
/** Every header of a journal file fits. */
const HEAD_BYTES = 8192;

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

/** The archive as a backup proves it. */
export interface WalArchive extends JournalArchive {
  /**
   * The first bytes of a stored file: enough for its header, and no more than there are.
   * undefined where the settings hold no key to read it with.
   */
  head(name: string, signal: AbortSignal): Promise<Uint8Array | undefined>;
}

/** The archived WAL of a repository, or of several, as the backup looks at it. */
export function walArchive(source: Repository | FindJournal): WalArchive {
  const find = typeof source === "function" ? source : findIn(source);
  return {
    contains: async (name, signal) => (await find(name, signal)).length > 0,
    head: async (name, signal) => {
      const [found] = await find(name, signal);
      if (found === undefined) return new Uint8Array(0);
      const { repository, object } = found;
      if (!repository.cipher.canDecrypt) return undefined;
      return await firstBytes(await readObject(repository, { ...object, signal }));
    },
  };
}

export interface ArchiveWait {
  readonly archive: WalArchive;
  /**
   * Throws when a file, by its first bytes, is not of the server that is backed up. The first and
   * the last file are shown: an archiver that met a stranger in between would not have got on.
   */
  readonly check?: ((name: string, head: Uint8Array) => void) | undefined;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Returns once every named file is in the repository: the archiver's own word is not enough. */
export async function waitForJournal(names: readonly string[], wait: ArchiveWait): Promise<void> {
  const startMs = wait.clock.monotonicMs();
  for (const name of names) {
    for (
      let delayMs = POLL_FIRST_MS, isTold = false;
      ;
      delayMs = Math.min(delayMs * 2, POLL_MAX_MS)
    ) {
      if (await wait.archive.contains(name, wait.signal)) break;
      const leftMs = wait.timeoutMs - (wait.clock.monotonicMs() - startMs);
      if (leftMs <= 0) throw new ArchiveTimeoutError(name, wait.timeoutMs);
      if (delayMs === POLL_MAX_MS && !isTold) {
        wait.log.info(`waiting for WAL file ${name} in the repository`);
        isTold = true;
      }
      await wait.clock.sleep(Math.min(delayMs, leftMs), wait.signal);
    }
    const isShown = name === names[0] || name === names.at(-1);
    if (isShown && wait.check !== undefined) {
      const head = await wait.archive.head(name, wait.signal);
      if (head === undefined) wait.log.info(`${name} is archived, and no key to read it is set`);
      else wait.check(name, head);
    }
  }
}

async function firstBytes(stream: ByteStream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    sizeBytes += chunk.byteLength;
    if (sizeBytes >= HEAD_BYTES) break;
  }
  return concatBytes(chunks).subarray(0, HEAD_BYTES);
}
