import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { defined } from "../base/assert.ts";
import { ConfigError, messageOf, UsageError } from "../base/errors.ts";
import { systemZone } from "../base/local-zone.ts";
import type { BackupName } from "../catalog/backup-name.ts";
import { CatalogUnion, type PlacedBackup } from "../catalog/catalog-union.ts";
import { parseSelector } from "../catalog/selector.ts";
import type { RecoveryPlan, RecoveryTarget, RestoreOptions } from "../database/adapter.ts";
import { fetchBackup } from "../database/fetch-backup.ts";
import { findInAll } from "../database/journal-lookup.ts";
import { walReader } from "../database/journal-reader.ts";
import { loadPostgresRestore } from "../database/registry.ts";
import type { Repository } from "../transfer/repository.ts";
import type { Invocation } from "./command.ts";
import { openReadable } from "./storage-access.ts";

/** Parts restored at once: more than one a processor would only take memory. */
const PARTS_MAX = Math.max(2, navigator.hardwareConcurrency);

/** Restores a backup into an empty directory; with a target also what recovery needs. */
export async function run(invocation: Invocation): Promise<void> {
  const { settings, log, clock, signal } = invocation;
  const [directory = ""] = invocation.arguments;
  refuseUnsupported(invocation);
  const target = recoveryTarget(invocation);
  const restoreOptions = readRestoreOptions(invocation);
  const limits = { rateKey: "NETWORK_RATE_LIMIT" } as const;
  await using storages = await openReadable(invocation, limits);
  const { repositories } = storages;
  const adapter = (await loadPostgresRestore()).POSTGRES_RESTORE;
  const union = new CatalogUnion({ repositories, database: adapter.kind });
  const named = await namedBackup(invocation, union, target !== undefined);
  const candidates =
    named === undefined ? await union.byName(signal) : new Map([[named.entry.name, named]]);
  const placeOf = (name: BackupName) => defined(candidates.get(name), "a backup that was found");
  let recovery: RecoveryPlan | undefined;
  if (target !== undefined) {
    recovery = await adapter.planRecovery({
      target,
      zone: systemZone(),
      backups: [...candidates.keys()],
      sentinel: (backup) => placeOf(backup).catalog.read(backup, signal),
      metadata: (backup) => placeOf(backup).catalog.metadata(backup, signal),
      journal: walReader(findInAll(repositories, { ...storages, log })),
      signal,
    });
    for (const note of recovery.notes) log.info(note);
  }
  const backup = recovery?.backup ?? named?.entry.name;
  if (backup === undefined) throw new UsageError("insufficient arguments: no backup was named");
  // All of a chain lies in one storage.
  const { repository } = placeOf(backup);
  const from = repositories.length > 1 ? ` from storage ${repository.name}` : "";
  log.info(`Restoring ${backup}${from} to ${directory}`);
  let progress: ReturnType<Invocation["progress"]> | undefined;
  try {
    await fetchBackup({
      adapter,
      repository,
      backup,
      targetDir: resolve(directory),
      options: restoreOptions,
      recovery,
      partsMax: Math.min(settings.whole("DOWNLOAD_CONCURRENCY") ?? PARTS_MAX, PARTS_MAX),
      retriesMax: settings.whole("DOWNLOAD_FILE_RETRIES") ?? 0,
      clock,
      log,
      signal,
      onBegin: (totalBytes) => {
        progress = invocation.progress("backup-fetch", totalBytes);
      },
      onPlainBytes: (bytes) => progress?.advance(bytes),
    });
  } finally {
    progress?.finish();
  }
  log.info("Backup extraction complete.");
  if (recovery !== undefined && namedConfig(invocation) === undefined) {
    log.info("restore_command takes its settings from the environment of the server");
  }
}

function refuseUnsupported({ settings }: Invocation): void {
  if (settings.flag("SKIP_REDUNDANT_TARS") && !settings.flag("USE_REVERSE_UNPACK")) {
    throw new UsageError("--skip-redundant-tars needs --reverse-unpack");
  }
}

function readRestoreOptions({ options, settings }: Invocation): RestoreOptions {
  const path = options.text("restore-spec");
  return {
    mask: options.text("mask"),
    restoreSpec: path === undefined ? undefined : { path, text: readSpec(path) },
    syncsFiles: !settings.flag("TAR_DISABLE_FSYNC"),
    isDelta: options.flag("delta"),
    only: options.list("restore-only"),
  };
}

function readSpec(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new ConfigError(`--restore-spec ${path}: cannot be read: ${messageOf(cause)}`);
  }
}

/** undefined: none was named, and a recovery target chooses one. */
async function namedBackup(
  { arguments: [, name], settings, log, signal }: Invocation,
  union: CatalogUnion<Repository>,
  isOptional: boolean,
): Promise<PlacedBackup<Repository> | undefined> {
  const userData = settings.text("FETCH_TARGET_USER_DATA");
  if (isOptional && name === undefined && userData === undefined) return undefined;
  const selector = parseSelector({ name, userData });
  const found = await union.find(selector, signal);
  if (selector.by === "latest") log.info(`LATEST backup is: '${found.entry.name}'`);
  return found;
}

const TARGET_KINDS = ["time", "lsn", "xid", "name"] as const;
const TARGET_DETAILS = ["target-timeline", "target-action", "target-inclusive", "restore-command"];

/** undefined: no target was given, and no recovery settings are written, as by WAL-G. */
function recoveryTarget(invocation: Invocation): RecoveryTarget | undefined {
  const { options } = invocation;
  const given: Pick<RecoveryTarget, "kind" | "value">[] = [];
  for (const kind of TARGET_KINDS) {
    const value = options.text(`target-${kind}`);
    if (value !== undefined) given.push({ kind, value });
  }
  if (options.flag("target-immediate")) given.push({ kind: "immediate", value: "" });
  const [only, other] = given;
  if (other !== undefined) {
    throw new UsageError(`--target-${only?.kind} and --target-${other.kind} exclude each other`);
  }
  if (only === undefined) {
    const idle = TARGET_DETAILS.find((name) => options.text(name) !== undefined);
    if (idle === undefined) return undefined;
    throw new UsageError(
      `--${idle} is given without a target`,
      "Add --target-time, --target-lsn, --target-xid, --target-name or --target-immediate.",
    );
  }
  return {
    ...only,
    timeline: options.text("target-timeline"),
    action: options.text("target-action"),
    inclusive: options.text("target-inclusive"),
    restoreCommand: options.text("restore-command") ?? ownRestoreCommand(invocation),
  };
}

/** This program's wal-fetch; `%f` and `%p` are the server's, any other `%` is doubled. */
function ownRestoreCommand(invocation: Invocation): string {
  const config = namedConfig(invocation);
  const words = [...invocation.self, "wal-fetch"].map(shellWord);
  const tail = config === undefined ? [] : ["--config", shellWord(config)];
  return [...words, '"%f"', '"%p"', ...tail].join(" ");
}

/**
 * The configuration file that the user named, by flag or variable: the server has neither. One
 * that was found in a home stays out, as the server's user has a home of its own and may not be
 * able to read ours.
 */
function namedConfig({ options, settings }: Invocation): string | undefined {
  const isNamed = options.text("config") !== undefined;
  return isNamed || settings.origin("CONFIG_PATH") === "environment"
    ? settings.text("CONFIG_PATH")
    : undefined;
}

function shellWord(word: string): string {
  const plain = /^[A-Za-z0-9_./:=@,+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
  return plain.replaceAll("%", "%%");
}
