import { UsageError } from "../base/errors.ts";
import { parseSelector } from "../catalog/selector.ts";
import type { Settings } from "../config/settings.ts";
import type { BackupAdapter } from "../database/adapter.ts";
import { chooseParent, type DeltaWish } from "../database/delta-parent.ts";
import type { Invocation } from "./command.ts";
import type { WriteTarget } from "./failover.ts";
import { onWritable } from "./storage-access.ts";
import { openBackupAdapter, takeBackup } from "./take-backup.ts";

const DELTA_SETTINGS = ["DELTA_FROM_NAME", "DELTA_FROM_USER_DATA"];
const COMPOSER_SETTINGS = ["USE_RATING_COMPOSER", "USE_COPY_COMPOSER", "USE_DATABASE_COMPOSER"];

/** Takes a base backup. Exit code 0 only when its sentinel is stored, and with it all it needs. */
export async function run(invocation: Invocation): Promise<void> {
  const dataDir = invocation.arguments[0];
  const wish = readDeltaWish(invocation, dataDir);
  checkComposers(invocation);
  checkVerification(invocation, dataDir);
  const adapter = await openBackupAdapter(invocation, { dataDir });
  const limits = { rateKey: "NETWORK_RATE_LIMIT", canMove: false } as const;
  await onWritable(invocation, limits, async (target) => {
    await pushTo(target, invocation, { adapter, wish });
  });
}

/** A chain lies in one storage: whatever the others have, a delta builds on what is there. */
async function pushTo(
  { repository, journal }: WriteTarget,
  invocation: Invocation,
  backup: { readonly adapter: BackupAdapter; readonly wish: DeltaWish | undefined },
): Promise<void> {
  const { log, signal } = invocation;
  const { adapter, wish } = backup;
  const dataDir = invocation.arguments[0];
  log.info(`Backup will be pushed to storage: ${repository.name}`);
  const parent =
    wish === undefined ? undefined : await chooseParent(wish, { adapter, repository, log, signal });
  const isPermanent = invocation.options.flag("permanent");
  const request = { adapter, repository, journal, parent, isPermanent, what: "backup" };
  const pushed = await takeBackup(invocation, request);
  const where = dataDir === undefined ? "" : ` to storage ${repository.name}`;
  const { plainBytes, storedBytes } = pushed;
  log.info(`${pushed.name} is complete`, { plainBytes, storedBytes });
  // Nothing follows: scripts take the last word of WAL-G's line.
  log.info(`Wrote backup with name ${pushed.name}${where}`);
}

/** What the user wants of deltas; undefined: a full backup, whatever is there. */
function readDeltaWish(
  { settings, log, options }: Invocation,
  dataDir: string | undefined,
): DeltaWish | undefined {
  const [name, userData] = DELTA_SETTINGS.map((key) => settings.text(key));
  const isNamed = name !== undefined || userData !== undefined;
  const stepsMax = settings.whole("DELTA_MAX_STEPS") ?? 0;
  if (isNamed && dataDir === undefined) {
    throw new UsageError(
      "Delta backup not available for remote backup.",
      "To run delta backup, supply [db_directory].",
    );
  }
  if (isNamed && settings.flag("WITHOUT_FILES_METADATA")) {
    throw new UsageError("a delta backup needs files metadata: drop --without-files-metadata");
  }
  const base = isNamed ? parseSelector({ name, userData }) : { by: "latest" as const };
  if (options.flag("full")) {
    log.info("Doing full backup.");
    return undefined;
  }
  const reason = reasonForFull(settings, dataDir);
  if (reason !== undefined) {
    if (stepsMax > 0) log.info(`${reason}. Doing full backup.`);
    return undefined;
  }
  const fromFull = settings.text("DELTA_ORIGIN") === "LATEST_FULL";
  return { stepsMax, fromFull, base, isPermanent: options.flag("permanent") };
}

function reasonForFull(settings: Settings, dataDir: string | undefined): string | undefined {
  if (dataDir === undefined) return "Delta backup not available for remote backup";
  if (settings.flag("WITHOUT_FILES_METADATA")) return "A delta backup needs files metadata";
  // WAL-G's copy composer takes full backups only.
  if (settings.flag("USE_COPY_COMPOSER")) return "The copy composer makes full backups";
  return undefined;
}

/** A page in the server's stream cannot be read again, so a torn one would look corrupt. */
function checkVerification({ settings, log }: Invocation, dataDir: string | undefined): void {
  const key = "VERIFY_PAGE_CHECKSUMS";
  if (dataDir !== undefined || settings.origin(key) === "default" || !settings.flag(key)) return;
  log.warning("page checksums are not verified in a backup without a data directory");
}

/** Composers only decide which part a file goes into: here it is always the walk's order. */
function checkComposers({ settings, log }: Invocation): void {
  const asked = COMPOSER_SETTINGS.filter((key) => settings.flag(key));
  if (asked.length === 0) return;
  if (settings.flag("WITHOUT_FILES_METADATA")) {
    throw new UsageError(`${asked.join(", ")} cannot be used without files metadata`);
  }
  log.info(`${asked.join(", ")}: accepted; parts are composed in the order of the directory`);
}
