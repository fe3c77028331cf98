import type { Logger } from "../base/log.ts";
import type { BackupName } from "../catalog/backup-name.ts";
import { WAL_FOLDER, walBaseKey } from "../catalog/storage-layout.ts";
import type { ObjectInfo, StorageDriver } from "../storage/driver.ts";
import { type ObjectPair, pairedListing } from "../transfer/paired-listing.ts";
import {
  type ClosedWalRange,
  HoleFinder,
  isDeltaMap,
  isInRange,
  isTimelineHistory,
  type WalHole,
  type WalRange,
} from "../wal/archived-range.ts";
import { JournalHoleError } from "./journal-errors.ts";

/** The WAL that one backup needs. */
export interface NeededWal {
  readonly backup: BackupName;
  readonly range: ClosedWalRange;
  /** false: the backup comes along as the parent of another, which can do without this WAL. */
  readonly isRequired: boolean;
}

export interface WalPlan {
  /**
   * Which timeline came of which: all of them, as by WAL-G. And for each range the map of changed
   * blocks that begins before it, as its group may reach into the range.
   */
  readonly extras: readonly ObjectInfo[];
  /** Of all that is in some range. */
  readonly sizeBytes: number;
}

const PREFIX = `${WAL_FOLDER}/`;

/**
 * Looks through the archive once: what has to be copied, and whether it is whole. A hole in what a
 * backup needs, or in the history, is an error.
 */
export async function planWal(
  source: StorageDriver,
  request: {
    readonly needed: readonly NeededWal[];
    readonly history: WalRange | undefined;
    readonly log: Logger;
    readonly signal: AbortSignal;
  },
): Promise<WalPlan> {
  const { needed, history, log, signal } = request;
  const ranges = [...needed.map(({ range }) => range), ...(history === undefined ? [] : [history])];
  const finders = ranges.map((range) => new HoleFinder(range));
  const extras = new Map<string, ObjectInfo>();
  const maps = new Map<WalRange, ObjectInfo>();
  let sizeBytes = 0;
  for await (const object of source.list(PREFIX, { signal })) {
    const name = object.key.slice(PREFIX.length);
    for (const finder of finders) finder.add(name);
    if (isTimelineHistory(name)) extras.set(object.key, object);
    else if (ranges.some((range) => isInRange(name, range))) sizeBytes += object.sizeBytes;
    if (!isDeltaMap(name)) continue;
    for (const range of ranges) if (isMapBefore(name, range)) maps.set(range, object);
  }
  for (const [index, finder] of finders.entries()) {
    const hole = finder.finish();
    if (hole !== undefined) report(hole, needed[index], log);
  }
  for (const map of maps.values()) extras.set(map.key, map);
  for (const extra of extras.values()) sizeBytes += extra.sizeBytes;
  return { extras: [...extras.values()], sizeBytes };
}

/** Listings ascend, so the last that is before the range is the nearest. */
function isMapBefore(name: string, { first }: WalRange): boolean {
  return name.slice(0, 8) === first.slice(0, 8) && name.slice(0, 24) < first;
}

function report(hole: WalHole, needed: NeededWal | undefined, log: Logger): void {
  const { segment, detail } = hole;
  if (needed === undefined) throw new JournalHoleError(segment, detail);
  const { backup, isRequired } = needed;
  if (isRequired) throw new JournalHoleError(segment, `${detail} for ${backup}`);
  log.warning(
    `WAL file ${segment} is not stored, ${detail} for ${backup}: it can be restored only as a ` +
      "parent",
  );
}

/** What both storages hold of a range, but for timeline histories, in ascending order. */
export async function* walPairs(
  way: { readonly from: StorageDriver; readonly to: StorageDriver },
  range: WalRange,
  signal: AbortSignal,
): AsyncGenerator<ObjectPair & { readonly source: ObjectInfo }> {
  const { first, last } = range;
  // One digit less: metadata of a group of segments goes by that name.
  const after = walBaseKey(first.slice(0, -1));
  for await (const pair of pairedListing(way.from, way.to, { prefix: PREFIX, after, signal })) {
    const { source, target } = pair;
    const name = (source ?? target)?.key.slice(PREFIX.length) ?? "";
    if (last !== undefined && name.slice(0, last.length) > last) return;
    if (source === undefined || isTimelineHistory(name) || !isInRange(name, range)) continue;
    yield { source, target };
  }
}

/** Whether the object belongs to the WAL of a range: such a one is copied with it. */
export function isWalOf(object: ObjectInfo, range: WalRange): boolean {
  return isInRange(object.key.slice(PREFIX.length), range);
}
