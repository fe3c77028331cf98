import { chownSync, existsSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { syncDirectory } from "../../base/atomic-file.ts";
import type { Clock } from "../../base/clock.ts";
import { FilesystemError, ToolError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import { forEachConcurrently } from "../../base/pool.ts";
import { formatLsn, type Lsn, laterLsn } from "../../delta/lsn.ts";
import { historyFileName } from "../../wal/file-name.ts";
import { formatSegmentName } from "../../wal/segment-name.ts";
import {
  divergencePoint,
  segmentsBetween,
  type TimelinePath,
  timelineOf,
} from "../../wal/timeline-path.ts";
import type { JournalOrder } from "../journal.ts";
import { lastCheckpointBefore } from "./rewind-chain.ts";
import {
  type ArchivedFile,
  openRewindCluster,
  type RewindCluster,
  refuseOtherBranch,
  timelinePathOf,
} from "./rewind-cluster.ts";
import { LocalWal } from "./rewind-files.ts";
import { WalOrder } from "./wal-order.ts";
import { DatabaseError } from "./wire/server-error.ts";

export interface RewindRequest {
  /** The data directory that pg_rewind will change. */
  readonly targetDir: string;
  /** The one that the target is made to follow. */
  readonly sourceDir: string;
  readonly archive: RewindArchive;
  readonly fetchesMax: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** The archived WAL as a rewind uses it. */
export interface RewindArchive {
  readonly small: ArchivedFile;
  /**
   * Brings one file into place, proven and durable, never over another one; false when the
   * archive does not have it.
   */
  fetch(name: string, place: { destination: string; order: JournalOrder }): Promise<boolean>;
}

/** WAL that a rewind needs is nowhere. */
export class RewindWalMissingError extends ToolError {
  readonly names: readonly string[];

  constructor(names: readonly string[]) {
    super({
      code: "journal-not-found",
      message: `neither pg_wal nor the archive has ${names.join(", ")}`,
      hint: "Look for these files on the other servers; without them take a new base backup.",
    });
    this.names = names;
  }
}

/**
 * Completes pg_wal of two clusters whose timelines diverged, so that pg_rewind can make the one
 * follow the other: the target gets what pg_rewind reads (from the last checkpoint before the
 * divergence to its own end), and a stopped source what the rewound target replays afterwards,
 * which pg_rewind copies from there. Files that are there stay as they are.
 */
export async function restoreRewindWal(request: RewindRequest): Promise<readonly string[]> {
  const { targetDir, sourceDir } = request;
  const target = await openRewindCluster(targetDir, request);
  const source = await openRewindCluster(sourceDir, request);
  refuseOthers(target, source);
  const { small } = request.archive;
  const targetPath = await timelinePathOf(target, small);
  const sourcePath = await timelinePathOf(source, small);
  const forkLsn = divergencePoint(targetPath, sourcePath);
  if (forkLsn === undefined) throw new TypeError("assertion failed: timelines are not equal");
  request.log.info(`The clusters diverged at ${formatLsn(forkLsn)}`);
  const forTarget = new Completion(request, target, targetPath);
  const forSource = new Completion(request, source, sourcePath);
  await forTarget.fetchHistory();
  const replayFrom = (await completeTarget(forTarget, forkLsn)) ?? forkLsn;
  if (source.isRunning) {
    request.log.info(`a server runs in ${sourceDir}: nothing is added to its pg_wal`);
  } else {
    await forSource.fetchHistory();
    await forSource.fetchMissing(replayFrom, endOfWal(source));
  }
  const missing = [...forTarget.missing, ...forSource.missing];
  if (missing.length > 0) throw new RewindWalMissingError([...new Set(missing)]);
  return [...forTarget.fetched, ...forSource.fetched];
}

function refuseOthers(target: RewindCluster, source: RewindCluster): void {
  const { systemIdentifier: own } = target.control;
  const { systemIdentifier: other } = source.control;
  if (own !== other) {
    throw new DatabaseError("System identifiers of target and source clusters are not equal", {
      hint: `The target is of system ${own}, the source of ${other}; pg_rewind refuses them too.`,
    });
  }
  if (target.timeline === source.timeline) {
    throw new DatabaseError("Latest checkpoint timelines of target and source clusters are equal", {
      hint: `Both are on timeline ${target.timeline}: without a promotion there is no divergence.`,
    });
  }
  if (!target.isRunning) return;
  throw new DatabaseError(`a server runs in the target ${target.dataDir}`, {
    hint: "Stop it cleanly first, as pg_rewind demands.",
  });
}

/** From where the rewound target replays WAL; undefined when the target has not gone on. */
async function completeTarget(completion: Completion, forkLsn: Lsn): Promise<Lsn | undefined> {
  const endLsn = endOfWal(completion.cluster);
  const { checkpointLsn } = completion.cluster.control;
  // WAL from its last checkpoint on a server has itself, whether it stopped cleanly or not.
  if (endLsn < forkLsn || (endLsn === forkLsn && checkpointLsn < forkLsn)) return undefined;
  const { signal, log } = completion.request;
  using wal = completion.openWal();
  const checkpoint = await lastCheckpointBefore(forkLsn, wal, signal);
  log.info(`The last common checkpoint is at ${formatLsn(checkpoint.lsn)}`);
  await completion.fetchMissing(checkpoint.lsn, endLsn);
  return checkpoint.redoLsn;
}

/** Up to here pg_control knows of WAL; what a crashed server wrote after it is in its pg_wal. */
function endOfWal({ control: { checkpointLsn, minRecoveryLsn } }: RewindCluster): Lsn {
  return laterLsn(minRecoveryLsn, checkpointLsn);
}

/** One cluster's pg_wal while it is being completed. */
class Completion {
  readonly request: RewindRequest;
  readonly cluster: RewindCluster;
  readonly #path: TimelinePath;
  readonly #order: WalOrder;
  readonly #proven = new Set<number>();
  readonly fetched: string[] = [];
  readonly missing: string[] = [];

  constructor(request: RewindRequest, cluster: RewindCluster, path: TimelinePath) {
    this.request = request;
    this.cluster = cluster;
    this.#path = path;
    const { systemIdentifier, segmentBytes, walBlockBytes } = cluster.control;
    this.#order = new WalOrder({ systemIdentifier, segmentBytes, walBlockBytes }, undefined);
  }

  /** The history file of the cluster's own timeline: pg_rewind reads it from pg_wal. */
  async fetchHistory(): Promise<void> {
    const { timeline, walDir } = this.cluster;
    const name = historyFileName(timeline);
    if (timeline > 1 && !existsSync(join(walDir, name))) await this.#fetch(name);
  }

  /** WAL of this cluster by place; a segment that is asked for and not there is fetched. */
  openWal(): LocalWal {
    const { control, walDir } = this.cluster;
    return new LocalWal(control, async (number) => {
      const timeline = timelineOf(this.#path, number, control.segmentBytes);
      const name = formatSegmentName({ timeline, number }, control.segmentBytes);
      const path = join(walDir, name);
      if (!existsSync(path)) await this.#fetchOrFail(name, timeline);
      return path;
    });
  }

  async fetchMissing(from: Lsn, to: Lsn): Promise<void> {
    const { segmentBytes } = this.cluster.control;
    const { log, signal, fetchesMax } = this.request;
    const wanted: string[] = [];
    for (const segment of segmentsBetween(this.#path, { from, to }, segmentBytes)) {
      const name = formatSegmentName(segment, segmentBytes);
      if (existsSync(join(this.cluster.walDir, name))) continue;
      wanted.push(name);
      await this.#proveBranch(segment.timeline);
    }
    if (wanted.length === 0) return;
    log.info(`WAL files to restore: ${wanted.join(" ")}`);
    refuseLackOfSpace(this.cluster.walDir, wanted.length * segmentBytes);
    await forEachConcurrently(wanted, { concurrencyMax: fetchesMax, signal }, async (name) => {
      if (!(await this.#fetch(name))) this.missing.push(name);
    });
  }

  async #fetchOrFail(name: string, timeline: number): Promise<void> {
    await this.#proveBranch(timeline);
    if (!(await this.#fetch(name))) throw new RewindWalMissingError([name]);
  }

  async #proveBranch(timeline: number): Promise<void> {
    if (this.#proven.has(timeline)) return;
    await refuseOtherBranch(timeline, this.#path, this.request.archive.small);
    this.#proven.add(timeline);
  }

  async #fetch(name: string): Promise<boolean> {
    const { walDir } = this.cluster;
    const destination = join(walDir, name);
    const order = this.#order;
    if (!(await this.request.archive.fetch(name, { destination, order }))) return false;
    giveToOwnerOf(walDir, destination);
    syncDirectory(walDir);
    this.fetched.push(name);
    this.request.log.info(`Successfully restored WAL file ${name} to ${walDir}`);
    return true;
  }
}

/** As root, so that the server can remove the file again. */
function giveToOwnerOf(walDir: string, path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(walDir);
  chownSync(path, uid, gid);
}

/** A full file system would keep the server from starting. */
function refuseLackOfSpace(walDir: string, neededBytes: number): void {
  const { bavail, bsize } = statfsSync(walDir);
  if (bavail * bsize > neededBytes) return;
  throw new FilesystemError(walDir, `has ${bavail * bsize} bytes free, ${neededBytes} are needed`);
}
