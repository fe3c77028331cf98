import { CanceledError, ToolError } from "../base/errors.ts";
import { forEachConcurrently } from "../base/pool.ts";
import { type CopyWay, copyObject } from "./object-copy.ts";
import { type ObjectPair, pairedListing } from "./paired-listing.ts";

export interface MoveObjectsRequest {
  readonly way: CopyWay;
  /** The beginning of keys. */
  readonly prefix: string;
  /** Also objects that the target has already. */
  readonly includesPresent: boolean;
  /** Nothing is removed from the source, which may then be one that cannot be written to. */
  readonly preserves: boolean;
  readonly concurrencyMax: number;
  readonly objectsMax: number;
  readonly signal: AbortSignal;
  /** Told of what fails; whatever it throws ends the move. */
  readonly onFailure: (error: ToolError) => void;
}

type SourcePair = ObjectPair & { readonly source: NonNullable<ObjectPair["source"]> };

/**
 * Moves single objects: each is copied, and removed from the source once the target has it. The
 * storages are listed twice, once to count, so that memory does not grow with their number.
 */
export async function moveObjects(request: MoveObjectsRequest): Promise<void> {
  const { way, objectsMax, concurrencyMax, preserves, signal, onFailure } = request;
  const { log } = way;
  let total = 0;
  let missing = 0;
  for await (const pair of sourcePairs(request)) {
    total += 1;
    if (isMoved(pair, request)) missing += 1;
  }
  let left = Math.min(missing, objectsMax);
  log.info(`Total files in the source storage: ${total}`);
  log.info(`Files missing in the target storage: ${missing}`);
  log.info(`Files will be transferred: ${left}`);
  const items = firstOf(movedPairs(request), left);
  await forEachConcurrently(items, { concurrencyMax, signal }, async (pair, stop) => {
    const { key } = pair.source;
    try {
      await copyObject(way, pair, stop);
      if (!preserves) await way.from.delete([key], stop);
    } catch (error) {
      if (stop.aborted || error instanceof CanceledError) throw error;
      if (!(error instanceof ToolError)) throw error;
      left -= 1;
      onFailure(error);
      return;
    }
    left -= 1;
    log.info(`File is transferred (${left} left): "${key}"`);
  });
}

function isMoved({ target }: ObjectPair, { includesPresent }: MoveObjectsRequest): boolean {
  return target === undefined || includesPresent;
}

async function* sourcePairs({
  way,
  prefix,
  signal,
}: MoveObjectsRequest): AsyncGenerator<SourcePair> {
  for await (const { source, target } of pairedListing(way.from, way.to, { prefix, signal })) {
    if (source !== undefined) yield { source, target };
  }
}

async function* movedPairs(request: MoveObjectsRequest): AsyncGenerator<SourcePair> {
  for await (const pair of sourcePairs(request)) if (isMoved(pair, request)) yield pair;
}

async function* firstOf<T>(items: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  let given = 0;
  if (count === 0) return;
  for await (const item of items) {
    yield item;
    given += 1;
    if (given === count) return;
  }
}
