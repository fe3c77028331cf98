import { type RateLimit, TokenBucket } from "../stream/token-bucket.ts";
import type { Invocation } from "./command.ts";

/** Files that `--turbo` reads at once, as WAL-G does. */
const TURBO_READERS = 4;

/** How fast a backup may read the data directory; undefined: as fast as it can. */
export function diskLimit({ settings, options, clock }: Invocation): RateLimit | undefined {
  const bytesPerSecond = options.flag("turbo") ? undefined : settings.whole("DISK_RATE_LIMIT");
  return bytesPerSecond === undefined ? undefined : new TokenBucket(bytesPerSecond, clock);
}

/** How many files a backup may read at once. */
export function readersMax({ settings, options }: Invocation): number {
  const asSet = settings.whole("UPLOAD_DISK_CONCURRENCY") ?? 1;
  return options.flag("turbo") ? Math.max(TURBO_READERS, asSet) : asSet;
}
