import { basename, join } from "node:path";
import { ReadAhead } from "../database/prefetch-journal.ts";
import { loadPostgresWal } from "../database/registry.ts";
import type { Invocation } from "./command.ts";
import { openReadable } from "./storage-access.ts";
import { readAheadOrigin, segmentBytesSetting } from "./wal-fetch.ts";

/** More at once would only make the first one, which the server waits for, come later. */
const CONCURRENCY_MAX = 4;

/** Started by wal-fetch: fetches the segments that recovery will ask for next. */
export async function run(invocation: Invocation): Promise<void> {
  const { settings, log, clock, signal } = invocation;
  const [name = "", baseDirectory = ""] = invocation.arguments;
  const { walFetchPlace } = await loadPostgresWal();
  await using storages = await openReadable(invocation, {
    rateKey: "WAL_NETWORK_RATE_LIMIT",
  });
  const { order, origin } = walFetchPlace({
    path: join(baseDirectory, basename(name)),
    workingDirectory: process.cwd(),
    readAheadDirectory: baseDirectory,
    fallbackSegmentBytes: segmentBytesSetting(invocation),
  });
  const depth = settings.whole("DOWNLOAD_CONCURRENCY") ?? 1;
  const readAhead = new ReadAhead({
    baseDirectory,
    origin: readAheadOrigin(storages, origin),
    log,
  });
  await readAhead.fill(order.following(name, depth), {
    ...storages,
    order,
    concurrencyMax: Math.min(depth, CONCURRENCY_MAX),
    clock,
    log,
    signal,
  });
}
