import { dirname } from "node:path";
import { letCompilerWork } from "../base/compiler-policy.ts";
import { UsageError } from "../base/errors.ts";
import { pushAhead } from "../database/push-ahead.ts";
import { loadPostgresWal } from "../database/registry.ts";
import type { Repository } from "../transfer/repository.ts";
import type { Invocation } from "./command.ts";
import { LOCK_DESCRIPTOR } from "./start-ahead.ts";
import { onWritable } from "./storage-access.ts";
import { isStopped } from "./wal-push.ts";
import { openWalRecords } from "./wal-records.ts";

/**
 * Each takes 20 MiB (local) to 30 MiB (remote), and all of them share the processors: with more,
 * runs took longer and passed 110 and 200 MiB.
 */
const LOCAL_WORKERS_MAX = 2;
const REMOTE_WORKERS_MAX = 3;

/** Started by wal-push: stores further WAL files before the server asks for them. */
export async function run(invocation: Invocation): Promise<void> {
  const { settings, log, signal } = invocation;
  const [path = ""] = invocation.arguments;
  const { openWalAhead } = await loadPostgresWal();
  await using wal = await openWalAhead({
    path,
    workingDirectory: process.cwd(),
    dataDirectory: settings.text("PGDATA"),
    renamesReady: settings.flag("PG_READY_RENAME"),
    lockDescriptor: LOCK_DESCRIPTOR,
  });
  if (wal === undefined) {
    throw new UsageError(
      `${dirname(path)} was not handed over to this process`,
      "wal-push starts wal-push-ahead itself.",
    );
  }
  // Another storage is for the server's own call to find.
  const limits = { rateKey: "WAL_NETWORK_RATE_LIMIT", canMove: false } as const;
  await onWritable(invocation, limits, async ({ repository, elsewhere }) => {
    if (repository.codec.isJavaScript === true) letCompilerWork();
    const records = await openWalRecords(invocation, { repository, path });
    try {
      await pushAhead({
        ...wal,
        repository,
        elsewhere,
        workersMax: workersMax(settings, repository),
        mayGoOn: () => wal.isServed() && !isStopped(settings),
        onStored: (file) => records.record(file),
        log,
        signal,
      });
    } finally {
      await records.finish();
    }
  });
}

function workersMax(settings: Invocation["settings"], { driver }: Repository): number {
  const isRemote = driver.traits.listsByPrefix;
  const wanted = settings.whole("UPLOAD_CONCURRENCY") ?? 1;
  return Math.min(wanted, isRemote ? REMOTE_WORKERS_MAX : LOCAL_WORKERS_MAX);
}
