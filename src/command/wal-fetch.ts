import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { CanceledError, type ToolError, UsageError } from "../base/errors.ts";
import { fetchJournal, refuseExisting } from "../database/fetch-journal.ts";
import { ReadAhead } from "../database/prefetch-journal.ts";
import { loadPostgresWal } from "../database/registry.ts";
import { parseWalFileName } from "../wal/file-name.ts";
import type { Invocation } from "./command.ts";
import { detachedWords } from "./detached.ts";
import type { ReadableStorages } from "./failover.ts";
import { openReadable } from "./storage-access.ts";

/** What PostgreSQL takes as fatal: any exit code above 125. */
const FATAL_EXIT_CODE = 200;

/** `restore_command`: brings one WAL file into place, then starts the read-ahead. */
export async function run(invocation: Invocation): Promise<void> {
  const { settings, log, clock, signal } = invocation;
  const [name = "", destination = ""] = invocation.arguments;
  refuseOtherNames(name);
  const target = resolve(destination);
  refuseExisting(target);
  const { walFetchPlace } = await loadPostgresWal();
  const retryBudgetMs = settings.durationMs("FETCH_RETRY_BUDGET") ?? 0;
  // Decoding one segment in other threads takes as long, and half as much processor time again.
  const limits = { parallelism: 1, retryBudgetMs, rateKey: "WAL_NETWORK_RATE_LIMIT" } as const;
  await using storages = await openReadable(invocation, limits);
  const baseDirectory = resolve(settings.text("PREFETCH_DIR") ?? dirname(target));
  const { order, origin } = walFetchPlace({
    path: target,
    workingDirectory: process.cwd(),
    readAheadDirectory: baseDirectory,
    fallbackSegmentBytes: segmentBytesSetting(invocation),
  });
  const depth = settings.whole("DOWNLOAD_CONCURRENCY") ?? 1;
  const following = depth > 1 ? order.following(name, depth) : [];
  const readAhead = new ReadAhead({
    baseDirectory,
    origin: readAheadOrigin(storages, origin),
    log,
  });
  const isThere =
    following.length > 0 &&
    (await readAhead.take(name, { destination: target, order, clock, signal }));
  if (!isThere) {
    await fetchJournal({
      ...storages,
      order,
      name,
      destination: target,
      retryBudgetMs,
      clock,
      log,
      signal,
    });
  }
  log.info(`${name}: ${isThere ? "taken from the read-ahead" : "fetched"}`);
  if (readAhead.isRunningLow(following)) startReadAhead(invocation, { name, baseDirectory });
}

/**
 * "Not there" would end a recovery: with the two arguments the wrong way round, or the wrong
 * placeholder, the server would be promoted before it replayed anything.
 */
function refuseOtherNames(name: string): void {
  if (parseWalFileName(name) !== undefined) return;
  throw new UsageError(
    `${JSON.stringify(name)} is not the name of a WAL file`,
    "Let restore_command end in: wal-fetch %f %p.",
  );
}

/**
 * In archive recovery the server takes every exit code up to 125 for the end of the archive, and
 * promotes itself: only "not there" may look like that. A standby dies of codes above 125, and
 * asks again after all others. 143 is read as the server's own shutdown, whoever called us.
 */
export function failureExit(error: ToolError): number | undefined {
  if (error instanceof CanceledError) return error.exitCode;
  if (error.code === "journal-not-found") return undefined;
  const isArchiveRecovery = existsSync("recovery.signal") && !existsSync("standby.signal");
  return isArchiveRecovery ? FATAL_EXIT_CODE : undefined;
}

/** Detached, so that the server waits for nothing but its file. */
function startReadAhead(
  invocation: Invocation,
  facts: { readonly name: string; readonly baseDirectory: string },
): void {
  const { settings, self, log } = invocation;
  try {
    const command = [...self, "wal-prefetch", facts.name, facts.baseDirectory];
    Bun.spawn(detachedWords(command), {
      env: settings.childEnvironment(),
      stdio: ["ignore", "ignore", "ignore"],
      detached: true,
    }).unref();
  } catch (error) {
    log.warning(`the read-ahead could not be started: ${error}`);
  }
}

/** What read-ahead files belong to: these storages, and this restored directory. */
export function readAheadOrigin({ repositories }: ReadableStorages, origin: string): string {
  return [...repositories.map(({ driver }) => driver.name), origin, ""].join("\n");
}

export function segmentBytesSetting({ settings }: Invocation): number | undefined {
  const mebibytes = settings.whole("PG_WAL_SIZE");
  return mebibytes === undefined ? undefined : mebibytes << 20;
}
