import { type Clock, SYSTEM_CLOCK } from "../../src/base/clock.ts";
import type { BackupName } from "../../src/catalog/backup-name.ts";
import type { RecoveryPlan, RestoreOptions } from "../../src/database/adapter.ts";
import { type FetchBackupRequest, fetchBackup } from "../../src/database/fetch-backup.ts";
import { POSTGRES_RESTORE } from "../../src/database/postgres/restore-adapter.ts";
import type { Repository } from "../../src/transfer/repository.ts";
import { recordingLogger } from "./memory-repository.ts";
import { NEVER } from "./receipts.ts";

export interface RestoreCall {
  readonly repository: Repository;
  readonly backup: BackupName;
  readonly targetDir: string;
  readonly options?: Partial<RestoreOptions>;
  readonly recovery?: RecoveryPlan;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  readonly retriesMax?: number;
  readonly adapter?: FetchBackupRequest["adapter"];
  /** Told after each part, before the restore goes on. */
  readonly onPart?: () => void;
}

const DEFAULT_OPTIONS: RestoreOptions = {
  mask: undefined,
  restoreSpec: undefined,
  syncsFiles: true,
  isDelta: false,
  only: [],
};

/** Restores within this process; the lines that were logged. */
export async function restoreHere(call: RestoreCall): Promise<readonly string[]> {
  const { log, lines } = recordingLogger();
  const { onPart } = call;
  await fetchBackup({
    adapter: call.adapter ?? (onPart === undefined ? POSTGRES_RESTORE : watched(onPart)),
    repository: call.repository,
    backup: call.backup,
    targetDir: call.targetDir,
    options: { ...DEFAULT_OPTIONS, ...call.options },
    recovery: call.recovery,
    partsMax: 2,
    retriesMax: call.retriesMax ?? 0,
    clock: call.clock ?? SYSTEM_CLOCK,
    log,
    signal: call.signal ?? NEVER,
  });
  return lines;
}

/** PostgreSQL's restore, with a look in after each part. */
function watched(onPart: () => void): FetchBackupRequest["adapter"] {
  return {
    kind: "postgres",
    beginRestore: async (request) => {
      const session = await POSTGRES_RESTORE.beginRestore(request);
      return {
        plan: (parts) => session.plan(parts),
        restorePart: async (part, content) => {
          await session.restorePart(part, content);
          onPart();
        },
        finish: () => session.finish(),
        [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
      };
    },
  };
}
