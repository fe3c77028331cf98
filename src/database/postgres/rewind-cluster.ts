import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { FilesystemError, messageOf } from "../../base/errors.ts";
import { InvalidJournalError } from "../../wal/errors.ts";
import { historyFileName } from "../../wal/file-name.ts";
import { parseTimelineHistory, type TimelineHistory } from "../../wal/timeline-history.ts";
import { type TimelinePath, timelinePath } from "../../wal/timeline-path.ts";
import { type ControlFile, parseControlFile } from "./control-file.ts";
import { controlFilePath, readWholeControlFile } from "./label-part.ts";
import { runningServer } from "./running-server.ts";

/** One of the two data directories of a rewind, and the way of its timelines. */
export interface RewindCluster {
  readonly dataDir: string;
  readonly walDir: string;
  readonly control: ControlFile;
  readonly timeline: number;
  readonly isRunning: boolean;
}

/** Small files of the archive: undefined for what is not stored. */
export type ArchivedFile = (name: string) => Promise<Uint8Array | undefined>;

export async function openRewindCluster(
  dataDir: string,
  options: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<RewindCluster> {
  const path = controlFilePath(dataDir);
  const control = parseControlFile(await readWholeControlFile(path, options), path);
  const walDir = join(dataDir, "pg_wal");
  if (!existsSync(walDir)) throw new FilesystemError(walDir, "is missing");
  return {
    dataDir,
    walDir,
    control,
    // A promoted server has the new timeline there until its first checkpoint.
    timeline: Math.max(control.timeline, control.minRecoveryTimeline),
    isRunning: runningServer(dataDir) !== undefined,
  };
}

/** The way of the cluster's timelines, by its own history file or the archive's. */
export async function timelinePathOf(
  { walDir, timeline }: RewindCluster,
  archived: ArchivedFile,
): Promise<TimelinePath> {
  if (timeline === 1) return timelinePath(timeline, undefined);
  const name = historyFileName(timeline);
  const bytes = localFile(join(walDir, name)) ?? (await archived(name));
  if (bytes === undefined) {
    throw new InvalidJournalError(
      name,
      `is neither in ${walDir} nor in the archive`,
      "pg_rewind needs it too: copy it from a server that follows this timeline.",
    );
  }
  return timelinePath(timeline, parseHistory(bytes, timeline));
}

/** The archive must hold the WAL of this cluster's branch, not of another one of that number. */
export async function refuseOtherBranch(
  timeline: number,
  path: TimelinePath,
  archived: ArchivedFile,
): Promise<void> {
  if (timeline === 1) return;
  const name = historyFileName(timeline);
  const bytes = await archived(name);
  if (bytes === undefined) return;
  const { ancestors } = parseHistory(bytes, timeline);
  const isSame = ancestors.every(({ timeline: ancestor, switchLsn }, index) => {
    return path[index]?.timeline === ancestor && path[index]?.end === switchLsn;
  });
  if (isSame && path[ancestors.length]?.timeline === timeline) return;
  throw new InvalidJournalError(
    name,
    "the archive's is of another branch than the cluster's",
    "Two servers were promoted to one timeline number; this archive holds the other one's WAL.",
  );
}

function parseHistory(bytes: Uint8Array, timeline: number): TimelineHistory {
  const name = historyFileName(timeline);
  return parseTimelineHistory(new TextDecoder().decode(bytes), { timeline, name });
}

function localFile(path: string): Uint8Array | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new FilesystemError(path, messageOf(cause), { cause });
  }
}
