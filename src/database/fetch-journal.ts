import {
  closeSync,
  linkSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { discardFile, syncFile, temporaryName } from "../base/atomic-file.ts";
import type { Clock } from "../base/clock.ts";
import { letCompilerWork } from "../base/compiler-policy.ts";
import { errnoOf, FilesystemError, ToolError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { recycle } from "../stream/chunk-pool.ts";
import { isSameContent } from "../stream/compare.ts";
import { readObject } from "../transfer/object-reader.ts";
import type { Repository } from "../transfer/repository.ts";
import type { JournalOrder } from "./journal.ts";
import { AmbiguousJournalError, JournalHoleError, JournalNotFoundError } from "./journal-errors.ts";
import { findInAll, listingOf, type StorageWatch, type StoredIn } from "./journal-lookup.ts";

/** A temporary file that nobody wrote to for so long was left by a process that died. */
const ABANDONED_MS = 15 * 60_000;
/** What filesystems without hard links answer. */
const NO_LINKS = ["EPERM", "ENOSYS", "EOPNOTSUPP", "ENOTSUP", "EMLINK"];
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 5000;
/** A segment that is stored ahead of the one before it looks like a hole, but not for long. */
const HOLE_RETRY_MS = 1000;

export interface FetchRequest {
  /** Every storage that may have the file. All must answer before it counts as absent. */
  readonly repositories: readonly Repository[];
  readonly watch?: StorageWatch | undefined;
  readonly order: JournalOrder;
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

interface Placing {
  readonly destination: string;
  /** The content is fsynced before it has its name: for places that no server takes it from. */
  readonly isDurable?: boolean;
}

/**
 * Brings one file into place: its content is checked before it has the name, and an existing
 * destination is an error. `JournalNotFoundError` only when every storage answered and none has
 * it, and nothing proves that it should be there. What may pass is tried again within the budget.
 */
export async function fetchJournal(
  request: FetchRequest & Placing & { readonly retryBudgetMs: number },
): Promise<void> {
  const { clock, signal, log, destination } = request;
  refuseExisting(destination);
  discardAbandoned(destination, clock.now());
  const endMs = clock.monotonicMs() + request.retryBudgetMs;
  let nextMs = RETRY_FIRST_MS;
  for (let holes = 0; ; ) {
    try {
      await fetchOnce(request);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ToolError)) throw error;
      const isHole = error instanceof JournalHoleError;
      if (isHole ? holes > 0 : !error.isTransient) throw error;
      const delayMs = isHole ? HOLE_RETRY_MS : nextMs;
      if (clock.monotonicMs() + delayMs > endMs) throw error;
      log.warning(`${error.message}; trying again`, { delayMs });
      await clock.sleep(delayMs, signal);
      if (isHole) holes += 1;
      else nextMs = Math.min(nextMs * 2, RETRY_MAX_MS);
    }
  }
}

async function fetchOnce(request: FetchRequest & Placing): Promise<void> {
  const { destination } = request;
  const temporary = temporaryName(destination, request.clock.now());
  try {
    await downloadProven(request, temporary);
    if (request.isDurable === true) await syncContent(temporary);
    placeNew(temporary, destination);
  } finally {
    discardFile(temporary);
  }
}

async function syncContent(path: string): Promise<void> {
  const descriptor = openSync(path, "r+");
  try {
    await syncFile(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Writes the file to `path`, which grows meanwhile; once this resolves, it is proven. */
export async function downloadProven(request: FetchRequest, path: string): Promise<void> {
  const { name, order, signal } = request;
  const { repositories, log } = request;
  const stored = await findInAll(repositories, request)(name, signal);
  const [first] = stored;
  if (first === undefined) {
    const proof = await order.hole(name, listingOf(repositories, log), signal);
    if (proof !== undefined) throw new JournalHoleError(name, proof);
    throw new JournalNotFoundError(name);
  }
  const { isComplete } = await download(request, { stored: first, path });
  if (!isComplete) await refuseIncomplete(request);
  await refuseDifferent(request, stored);
}

async function download(
  request: FetchRequest,
  target: { readonly stored: StoredIn; readonly path: string },
): Promise<{ readonly isComplete: boolean }> {
  const { repository, object } = target.stored;
  const codec = await repository.codecFor(object.codec);
  // Records are checked byte by byte where the codec proves nothing.
  if (codec.isJavaScript === true || !codec.detectsFlippedBits) letCompilerWork();
  const check = request.order.check(request.name, { isChecksummed: codec.detectsFlippedBits });
  const content = await readObject(repository, { ...object, signal: request.signal });
  const descriptor = createFile(target.path);
  try {
    for await (const chunk of content) {
      check.update(chunk);
      for (let at = 0; at < chunk.byteLength; ) at += writeSync(descriptor, chunk, at);
      recycle(chunk);
    }
    return check.finish();
  } finally {
    closeSync(descriptor);
  }
}

/** The server takes a file that ends early for the end of the archive. */
async function refuseIncomplete(request: FetchRequest): Promise<void> {
  const { name, order, signal, repositories, log } = request;
  const proof = await order.hole(name, listingOf(repositories, log), signal);
  if (proof === undefined) return;
  throw new JournalHoleError(name, `it was archived before it was full, and ${proof}`);
}

/** Equal copies under several codecs or in several storages are fine; different ones never. */
async function refuseDifferent(request: FetchRequest, stored: readonly StoredIn[]): Promise<void> {
  const [first, ...others] = stored;
  if (first === undefined) return;
  const { signal } = request;
  const open = ({ repository, object }: StoredIn) => readObject(repository, { ...object, signal });
  for (const other of others) {
    if (await isSameContent(await open(first), await open(other))) continue;
    throw new AmbiguousJournalError(request.name, [placeOf(first), placeOf(other)]);
  }
}

function placeOf({ repository, object }: StoredIn): string {
  return `${repository.driver.name}/${object.key}`;
}

export function refuseExisting(destination: string): void {
  if (statSync(destination, { throwIfNoEntry: false }) === undefined) return;
  throw new FilesystemError(destination, "exists already", {
    hint: "The destination of wal-fetch must not exist.",
  });
}

/**
 * Gives a proven file its name, which must still be free. Nothing is fsynced: the server does so
 * itself before it keeps a restored segment, and after a crash of the machine asks for it again
 * (`durable_rename` in src/backend/access/transam/xlogarchive.c).
 */
export function placeNew(temporary: string, destination: string): void {
  try {
    // A link, unlike a rename, never replaces.
    linkSync(temporary, destination);
  } catch (cause) {
    const errno = errnoOf(cause) ?? "";
    if (!NO_LINKS.includes(errno)) {
      throw new FilesystemError(destination, `cannot be made (${errno})`, { cause });
    }
    refuseExisting(destination);
    renameSync(temporary, destination);
  }
}

function createFile(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (cause) {
    throw new FilesystemError(path, `cannot be made (${errnoOf(cause)})`, { cause });
  }
}

function discardAbandoned(destination: string, now: Date): void {
  const directory = dirname(destination);
  const prefix = `${basename(destination)}.tmp.`;
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (cause) {
    throw new FilesystemError(directory, `cannot be read (${errnoOf(cause)})`, { cause });
  }
  for (const name of names.filter((candidate) => candidate.startsWith(prefix))) {
    const facts = statSync(join(directory, name), { throwIfNoEntry: false });
    if (facts === undefined || now.getTime() - facts.mtimeMs < ABANDONED_MS) continue;
    discardFile(join(directory, name));
  }
}
