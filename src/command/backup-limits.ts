import type { Stage } from "../stream/byte-stream.ts";
import { throttle } from "../stream/throttle.ts";
import { type RateLimit, TokenBucket } from "../stream/token-bucket.ts";
import type { Invocation } from "./command.ts";

/** Files that `--turbo` reads at once, as WAL-G does. */
const TURBO_READERS = 4;

/** How fast a backup may read the data directory; undefined: as fast as it can. */
export function diskLimit(invocation: Invocation): RateLimit | undefined {
  return limitOf(invocation, "DISK_RATE_LIMIT");
}

/** Passes bytes at the rate of the network: for what goes to another host, not to storage. */
export function networkThrottle(invocation: Invocation): Stage {
  const limit = limitOf(invocation, "NETWORK_RATE_LIMIT");
  return limit === undefined ? (input) => input : throttle(limit, invocation.signal);
}

/** How many files a backup may read at once. */
export function readersMax({ settings, options }: Invocation): number {
  const asSet = settings.whole("UPLOAD_DISK_CONCURRENCY") ?? 1;
  return options.flag("turbo") ? Math.max(TURBO_READERS, asSet) : asSet;
}

function limitOf({ settings, options, clock }: Invocation, key: string): RateLimit | undefined {
  const bytesPerSecond = options.flag("turbo") ? undefined : settings.whole(key);
  return bytesPerSecond === undefined ? undefined : new TokenBucket(bytesPerSecond, clock);
}
