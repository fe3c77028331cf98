import { hostname } from "node:os";
import { systemZone } from "../base/local-zone.ts";
import { isProcessAlive } from "../base/process-alive.ts";
import { parseUserData } from "../catalog/selector.ts";
import { proveCipher } from "../cipher/proof.ts";
import { passwdEntry } from "../config/passwd.ts";
import { type PushBackupRequest, type PushedBackup, pushBackup } from "../database/push-backup.ts";
import { loadPostgresBackup } from "../database/registry.ts";
import type { Repository } from "../transfer/repository.ts";
import { diskLimit, readersMax } from "./backup-limits.ts";
import type { Invocation, Progress } from "./command.ts";

type AdapterFactory = Awaited<ReturnType<typeof loadPostgresBackup>>["postgresBackupAdapter"];
type BackupSource = Pick<Parameters<AdapterFactory>[1], "dataDir" | "catchup">;

/** The adapter for a backup that is taken here and now, by what the user said of it. */
export async function openBackupAdapter(
  invocation: Invocation,
  source: BackupSource,
): Promise<ReturnType<AdapterFactory>> {
  const { settings, clock, log } = invocation;
  const { postgresBackupAdapter } = await loadPostgresBackup();
  const account = passwdEntry(process.geteuid?.() ?? 0);
  return postgresBackupAdapter(settings, {
    ...source,
    hostname: hostname(),
    zone: systemZone(),
    userName: account?.userName,
    homeDir: account?.home,
    diskLimit: diskLimit(invocation),
    readersMax: readersMax(invocation),
    clock,
    log,
  });
}

/** Takes a backup and stores it, and shows under `what` how far it is. */
export async function takeBackup(
  invocation: Invocation,
  request: Pick<PushBackupRequest, "adapter" | "journal"> &
    Pick<PushBackupRequest["backup"], "parent" | "isPermanent"> & {
      readonly repository: Repository;
      readonly what: string;
    },
): Promise<PushedBackup> {
  const { settings, clock, log, signal } = invocation;
  const { adapter, repository, journal, parent, isPermanent, what } = request;
  await proveCipher(repository.cipher, signal);
  const userData = settings.text("SENTINEL_USER_DATA");
  const checksArchive = settings.flag("ARCHIVE_CHECK");
  let progress: Progress | undefined;
  return await pushBackup({
    adapter,
    repository,
    journal,
    backup: {
      parent,
      isPermanent,
      userData: userData === undefined ? undefined : parseUserData(userData),
    },
    partsMax: readersMax(invocation),
    owner: { hostname: hostname(), processId: process.pid, isAlive: isProcessAlive },
    archiveTimeoutMs: checksArchive ? settings.durationMs("ARCHIVE_TIMEOUT") : undefined,
    clock,
    log,
    signal,
    onBegin: ({ totalBytes }) => {
      progress = invocation.progress(what, totalBytes);
    },
    onPlainBytes: (bytes) => progress?.advance(bytes),
  }).finally(() => progress?.finish());
}
