import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { JournalQueue } from "./journal.ts";

/** The look at one file takes 20 µs. */
const POLL_MS = 1;
/** How often the lock is tried and the plan read again: it tells that nobody is at work. */
const POLLS_A_LOOK = 25;
const TELL_AFTER_MS = 10_000;
/** More than the retries of any storage take: whoever is silent for longer hangs. */
const WAIT_MAX_MS = 300_000;

export interface StoredAheadOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Whether another run has stored the file, or does so while this one waits. False: nobody is at
 * work with that intention, or for too long, and the caller stores it. Two that store the same
 * file do no harm, as the second one finds equal content.
 */
export async function takeStored(
  queue: JournalQueue,
  name: string,
  { clock, log, signal }: StoredAheadOptions,
): Promise<boolean> {
  if (queue.takeMark(name)) return true;
  const startMs = clock.monotonicMs();
  let isTold = false;
  for (let polls = 0; ; polls += 1) {
    if (polls % POLLS_A_LOOK === 0 && !(await isIntended(queue, name))) {
      return polls === 0 ? queue.takeMark(name) : queue.takeAsked(name);
    }
    if (queue.takeAsked(name)) return true;
    const waitedMs = clock.monotonicMs() - startMs;
    if (waitedMs > WAIT_MAX_MS) {
      log.warning(`WAL file ${name}: the process that stores ahead does not get on with it`);
      return false;
    }
    if (waitedMs > TELL_AFTER_MS && !isTold) {
      log.info(`WAL file ${name}: waiting for the process that stores ahead`);
      isTold = true;
    }
    await clock.sleep(POLL_MS, signal);
  }
}

/** A plan without the lock is what a killed process left. */
async function isIntended({ ahead }: JournalQueue, name: string): Promise<boolean> {
  if (!ahead.intends(name)) return false;
  try {
    using lock = await ahead.lock();
    return lock === undefined;
  } catch {
    // Where the lock cannot be tried, nothing tells how long to wait.
    return false;
  }
}
