import { parseSelector } from "../catalog/selector.ts";
import { copyBackups } from "../database/copy-backups.ts";
import { loadPostgresBackupWal } from "../database/registry.ts";
import type { Invocation } from "./command.ts";
import { betweenStorages, copyRules } from "./two-storages.ts";

const USUAL_WAL_MEBIBYTES = 16;

/** Copies backups between the storages of two configuration files. */
export async function run(invocation: Invocation): Promise<void> {
  const { options, personality, clock, log, signal } = invocation;
  const name = options.text("backup-name");
  const { walOfBackup } = await loadPostgresBackupWal();
  await betweenStorages(invocation, async ({ source, target, settings, concurrencyMax }) => {
    if (source.cipher.keyId !== target.cipher.keyId) {
      log.warning(
        "objects are copied as they are stored: the settings of --to hold another key than those " +
          "of --from, or none, and may not read them",
      );
    }
    const usualBytes = (settings.whole("PG_WAL_SIZE") ?? USUAL_WAL_MEBIBYTES) << 20;
    let progress: ReturnType<Invocation["progress"]> | undefined;
    try {
      const { outcomes } = await copyBackups({
        source,
        target,
        database: personality.database,
        selector: name === undefined ? undefined : parseSelector({ name, userData: undefined }),
        walOf: (sentinel) => walOfBackup(sentinel, usualBytes),
        withHistory: options.flag("with-history"),
        rules: copyRules(invocation),
        concurrencyMax,
        retriesMax: settings.whole("DOWNLOAD_FILE_RETRIES") ?? 0,
        clock,
        log,
        signal,
        onBegin: (totalBytes) => {
          progress = invocation.progress("copy", totalBytes);
        },
        onBytes: (bytes) => progress?.advance(bytes),
      });
      const { copied, present, replaced } = outcomes;
      log.info(`${copied} objects copied, ${replaced} replaced, ${present} were there already`);
    } finally {
      progress?.finish();
    }
  });
  log.info("Success copy.");
}
