import { letCompilerWork } from "../base/compiler-policy.ts";
import type { JournalQueue } from "../database/journal.ts";
import { alreadyStored, pushJournalFile } from "../database/push-journal.ts";
import { loadPostgresWal } from "../database/registry.ts";
import type { Invocation } from "./command.ts";
import { onWritable } from "./storage-access.ts";
import { openWalRecords } from "./wal-records.ts";

/**
 * Stores the WAL file of an `archive_command`. False: too much waits, and it was dropped, so that
 * the server goes on.
 */
export async function pushWalFile(
  invocation: Invocation,
  { path, queue }: { readonly path: string; readonly queue: JournalQueue | undefined },
): Promise<boolean> {
  const { settings, log, signal } = invocation;
  const { openWalPush } = await loadPostgresWal();
  using wal = openWalPush({
    path,
    workingDirectory: process.cwd(),
    dataDirectory: settings.text("PGDATA"),
    queue,
  });
  const { file } = wal;
  const limitBytes = settings.whole("ARCHIVE_QUEUE_MAX");
  if (limitBytes !== undefined && !file.isIrreplaceable && wal.waitingBytes() > limitBytes) {
    log.warning(
      `dropped WAL file '${path}': the server keeps more than ${limitBytes} bytes of ` +
        "WAL (ARCHIVE_QUEUE_MAX); no point in time after it can be restored until a new backup",
      { waitingBytes: wal.waitingBytes() },
    );
    return false;
  }
  const limits = { rateKey: "WAL_NETWORK_RATE_LIMIT", canMove: true } as const;
  const outcome = await onWritable(invocation, limits, async ({ repository, elsewhere }) => {
    if (repository.codec.isJavaScript === true) letCompilerWork();
    const records = await openWalRecords(invocation, { repository, path });
    const rules = { mayOverwrite: mayOverwrite(settings), elsewhere, log, signal };
    const pushed = await pushJournalFile(repository, file, rules);
    await records.record(file);
    await records.finish();
    return pushed;
  });
  if (outcome === "already-stored") tellAlreadyStored(invocation, path);
  else log.info(`WAL file '${path}': ${outcome}`);
  return true;
}

/** Twice the same file is worth a look; WAL-G's users know it as ordinary. */
function tellAlreadyStored({ personality, log }: Invocation, path: string): void {
  if (personality.isWalg) log.info(alreadyStored(path));
  else log.warning(alreadyStored(path));
}

/** WAL-G overwrites unless told not to; here only who says so explicitly gets it. */
function mayOverwrite(settings: Invocation["settings"]): boolean {
  const key = "PREVENT_WAL_OVERWRITE";
  return settings.origin(key) !== "default" && !settings.flag(key);
}
