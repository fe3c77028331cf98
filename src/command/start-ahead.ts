import { resolve } from "node:path";
import type { JournalQueue } from "../database/journal.ts";
import type { Invocation } from "./command.ts";
import { detachedWords } from "./detached.ts";

/** The descriptor that the process gets the lock as. */
export const LOCK_DESCRIPTOR = 3;

/**
 * Lets another process store what waits besides `name`, unless one does already, and waits for
 * nothing. The lock is handed over without a gap.
 */
export async function startAhead(
  { settings, self, log }: Invocation,
  queue: JournalQueue,
  name: string,
): Promise<void> {
  const namesMax = (settings.whole("TOTAL_BG_UPLOADED_LIMIT") ?? 1) - 1;
  if (namesMax < 1 || (settings.whole("UPLOAD_CONCURRENCY") ?? 1) < 2) return;
  const names = queue.waiting(name).slice(0, namesMax);
  if (names[0] === undefined) return;
  const { ahead } = queue;
  try {
    using lock = await ahead.lock();
    if (lock === undefined) return;
    tellNotes(queue, log);
    ahead.begin(names);
    using notes = ahead.openNotes();
    const command = [...self, "wal-push-ahead", resolve(queue.pathOf(names[0])), "--quiet"];
    Bun.spawn(detachedWords(command), {
      env: settings.childEnvironment(),
      stdio: ["ignore", "ignore", notes.descriptor, lock.descriptor],
      detached: true,
    }).unref();
  } catch (error) {
    log.warning(`further WAL files cannot be stored ahead: ${error}`);
  }
}

/** What an earlier process had to say reaches the server's log by the next call. */
export function tellNotes({ ahead }: JournalQueue, log: Invocation["log"]): void {
  for (const line of ahead.takeNotes()) log.warning(`storing ahead: ${line}`);
}
