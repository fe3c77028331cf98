import { UsageError } from "../base/errors.ts";
import { forEachConcurrently } from "../base/pool.ts";
import { backupOfSentinel, RECEIPTS_NAME } from "../catalog/storage-layout.ts";
import { type CopyWay, copyObject } from "../transfer/object-copy.ts";
import { type Recoding, recodeObject } from "../transfer/object-recode.ts";
import { type ObjectPair, pairedListing } from "../transfer/paired-listing.ts";
import type { Invocation } from "./command.ts";
import { betweenStorages, copyRules, type TwoStorages } from "./two-storages.ts";

type SourcePair = ObjectPair & { readonly source: NonNullable<ObjectPair["source"]> };

/** Copies every object whose name begins with the prefix; sentinels of backups come last. */
export async function run(invocation: Invocation): Promise<void> {
  const { options, clock, log, signal } = invocation;
  const prefix = (options.text("prefix") ?? "").replace(/^\/+/, "");
  const isRecoded = options.flag("decrypt-source") || options.flag("encrypt-source");
  if (isRecoded && options.flag("trust-sizes")) {
    throw new UsageError("--trust-sizes: objects that are encrypted anew have other sizes");
  }
  await betweenStorages(invocation, async (storages) => {
    const { source, target, settings, concurrencyMax } = storages;
    const totalBytes = await lookAt(storages, { prefix, isRecoded, signal });
    const progress = invocation.progress("st copy", totalBytes);
    const way: CopyWay = {
      from: source.driver,
      to: target.driver,
      rules: copyRules(invocation),
      retriesMax: settings.whole("DOWNLOAD_FILE_RETRIES") ?? 0,
      clock,
      log,
      onBytes: (bytes) => progress.advance(bytes),
    };
    const recoding: Recoding = {
      decrypt: options.flag("decrypt-source") ? source.cipher : undefined,
      encrypt: options.flag("encrypt-source") ? target.cipher : undefined,
    };
    let count = 0;
    const copyOne = async (pair: SourcePair, stop: AbortSignal) => {
      if (isRecoded) await recodeObject(way, pair, { ...recoding, signal: stop });
      else await copyObject(way, pair, stop);
      count += 1;
    };
    try {
      const sentinels: SourcePair[] = [];
      const others = withoutSentinels(sourcePairs(storages, prefix, signal), sentinels);
      await forEachConcurrently(others, { concurrencyMax, signal }, copyOne);
      for (const sentinel of sentinels) await copyOne(sentinel, signal);
    } finally {
      progress.finish();
    }
    log.info(`Successfully copied ${count} objects`);
  });
}

/** How many bytes there are; what cannot be copied so is refused before anything is written. */
async function lookAt(
  { source }: TwoStorages,
  request: { readonly prefix: string; readonly isRecoded: boolean; readonly signal: AbortSignal },
): Promise<number> {
  let totalBytes = 0;
  for await (const { key, sizeBytes } of source.driver.list(request.prefix, request)) {
    totalBytes += sizeBytes;
    if (!request.isRecoded || !key.endsWith(`/${RECEIPTS_NAME}`)) continue;
    throw new UsageError(
      `${key} holds hashes of the encrypted bytes, which would not fit any more`,
      "Copy the backup with its encryption, by the copy command.",
    );
  }
  return totalBytes;
}

async function* sourcePairs(
  { source, target }: TwoStorages,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<SourcePair> {
  for await (const pair of pairedListing(source.driver, target.driver, { prefix, signal })) {
    if (pair.source !== undefined) yield { source: pair.source, target: pair.target };
  }
}

/** Puts the sentinels aside, in their order: parents before what builds on them. */
async function* withoutSentinels(
  pairs: AsyncIterable<SourcePair>,
  sentinels: SourcePair[],
): AsyncGenerator<SourcePair> {
  for await (const pair of pairs) {
    if (backupOfSentinel(pair.source.key) === undefined) yield pair;
    else sentinels.push(pair);
  }
}
