import { existsSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { letCompilerWork } from "../base/compiler-policy.ts";
import { ToolError, UsageError } from "../base/errors.ts";
import { alreadyStored, pushJournal } from "../database/push-journal.ts";
import { loadPostgresWal } from "../database/registry.ts";
import type { WalDelta } from "../database/wal-delta.ts";
import { WalMetadata } from "../database/wal-metadata.ts";
import type { Repository } from "../transfer/repository.ts";
import type { Invocation } from "./command.ts";
import { openRepository } from "./context.ts";

/**
 * `archive_command`: stores one WAL file, and meanwhile further ones that the server waits to
 * have archived. Exit code 0 only when the storage acknowledged the named file.
 */
export async function run(invocation: Invocation): Promise<void> {
  const { settings, log, signal } = invocation;
  refuseRoot(invocation);
  refuseStopped(settings.text("STOP_FILE"));
  const { openWalPush } = await loadPostgresWal();
  const dataDirectory = settings.text("PGDATA");
  using wal = openWalPush({
    path: findPath(invocation.arguments[0] ?? "", dataDirectory),
    workingDirectory: process.cwd(),
    dataDirectory,
    renamesReady: settings.flag("PG_READY_RENAME"),
  });
  const limitBytes = settings.whole("ARCHIVE_QUEUE_MAX");
  if (limitBytes !== undefined && !wal.file.isIrreplaceable && wal.waitingBytes() > limitBytes) {
    log.warning(
      `dropped WAL file '${wal.file.path}': the server keeps more than ${limitBytes} bytes of ` +
        "WAL (ARCHIVE_QUEUE_MAX); no point in time after it can be restored until a new backup",
      { waitingBytes: wal.waitingBytes() },
    );
    return;
  }
  await using repository = await openRepository(invocation, "write", {
    rateKey: "WAL_NETWORK_RATE_LIMIT",
  });
  if (repository.codec.isJavaScript === true) letCompilerWork();
  const metadata = metadataOf(invocation, { repository, path: wal.file.path });
  const maps = await mapsOf(invocation, { repository, path: wal.file.path });
  const outcome = await pushJournal({
    repository,
    file: wal.file,
    queue: wal.queue,
    mayOverwrite: mayOverwrite(invocation),
    furtherMax: (settings.whole("TOTAL_BG_UPLOADED_LIMIT") ?? 1) - 1,
    workersMax: workersMax(invocation, repository),
    onStored: async (file) => {
      await metadata?.record(file, signal);
      await maps?.record(file, signal);
    },
    log,
    signal,
  });
  await metadata?.finish(signal);
  await maps?.finish(signal);
  if (outcome === "already-stored") tellAlreadyStored(invocation);
  else log.info(`WAL file '${wal.file.path}': ${outcome}`);
}

/** Twice the same file is worth a look; WAL-G's users know it as ordinary. */
function tellAlreadyStored({ personality, log, arguments: [path = ""] }: Invocation): void {
  if (personality.isWalg) log.info(alreadyStored(path));
  else log.warning(alreadyStored(path));
}

/** Relative paths start in the working directory, where the server runs us, else in PGDATA. */
function findPath(path: string, dataDirectory: string | undefined): string {
  if (isAbsolute(path) || existsSync(path) || dataDirectory === undefined) return path;
  return join(dataDirectory, path);
}

/**
 * The server never runs as root, so archive_command does not either; files that root makes lock
 * the server out. WAL-G's users who push by hand as root are only warned.
 */
function refuseRoot({ personality, settings, log }: Invocation): void {
  if (process.geteuid?.() !== 0 || settings.flag("ALLOW_ROOT")) return;
  const problem = "wal-push runs as root: the server's user may not be able to use its files";
  if (!personality.isWalg) {
    throw new UsageError(problem, "Run it as the server's user, or set TIDEMARK_ALLOW_ROOT=true.");
  }
  log.warning(problem);
}

function refuseStopped(path: string | undefined): void {
  if (path === undefined || !existsSync(path)) return;
  throw new ToolError({
    code: "archive-stopped",
    message: `archiving is stopped by ${path}`,
  });
}

/**
 * Each takes 10 MiB (local) to 30 MiB (remote), and all of them share the processors: with more,
 * runs took longer and passed 110 and 200 MiB.
 */
const LOCAL_WORKERS_MAX = 1;
const REMOTE_WORKERS_MAX = 2;

/** Workers beside the one of the main file. */
function workersMax({ settings }: Invocation, { driver }: Repository): number {
  const isRemote = driver.traits.listsByPrefix;
  const wanted = (settings.whole("UPLOAD_CONCURRENCY") ?? 1) - 1;
  return Math.min(wanted, isRemote ? REMOTE_WORKERS_MAX : LOCAL_WORKERS_MAX);
}

/** WAL-G overwrites unless told not to; here only who says so explicitly gets it. */
function mayOverwrite({ settings }: Invocation): boolean {
  const key = "PREVENT_WAL_OVERWRITE";
  return settings.origin(key) !== "default" && !settings.flag(key);
}

/** Loaded only where it is wanted: this process runs once for each segment. */
async function mapsOf(
  { settings, log }: Invocation,
  facts: { readonly repository: Repository; readonly path: string },
): Promise<WalDelta | undefined> {
  if (!settings.flag("USE_WAL_DELTA")) return undefined;
  const { openWalDelta } = await import("../database/wal-delta.ts");
  return await openWalDelta(facts.repository, { path: facts.path, log });
}

function metadataOf(
  { settings }: Invocation,
  facts: { readonly repository: Repository; readonly path: string },
): WalMetadata | undefined {
  const mode = settings.text("UPLOAD_WAL_METADATA")?.toLowerCase();
  if (mode !== "individual" && mode !== "bulk") return undefined;
  const directory = join(dirname(facts.path), "walg_data", "wal_metadata");
  return new WalMetadata(facts.repository, { mode, directory });
}
