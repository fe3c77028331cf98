import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { syncDirectory } from "../../base/atomic-file.ts";
import { FilesystemError, messageOf, ToolError } from "../../base/errors.ts";
import { tryLockFile } from "../../base/file-lock.ts";
import { formatLsn, type Lsn, laterLsn } from "../../delta/lsn.ts";
import { historyFileName } from "../../wal/file-name.ts";
import { isAncestor, parseTimelineHistory } from "../../wal/timeline-history.ts";
import { type ControlFile, parseControlFile } from "./control-file.ts";
import { type Owner, RESTORE_MARKER } from "./restore-target.ts";
import { runningServer } from "./running-server.ts";
import type { TablespaceLink } from "./tablespace-links.ts";
import { DatabaseError } from "./wire/server-error.ts";

export const CONTROL_PATH = "global/pg_control";
/**
 * From the first change of the directory until its last, pg_control has this name: without the
 * file under its own name no server starts, and the next catchup knows where the standby stood.
 */
export const CONTROL_BEFORE = "global/pg_control.before-catchup";
/** The new one, until everything else is in place. */
export const CONTROL_AFTER = "global/pg_control.unfinished";

/** A data directory that a catchup may bring forward; held for it until it is disposed. */
export interface CatchupStandby extends Disposable {
  /** Absolute, without symbolic links. */
  readonly dataDir: string;
  /** As it was before any catchup began here. */
  readonly control: ControlFile;
  /** `15`, `18`. */
  readonly majorVersion: string;
  /**
   * The directory holds every change before this position: the redo point of its last checkpoint.
   * A standby that stops cleanly does not write what it replayed since, unless there was another
   * checkpoint to follow (CreateRestartPoint in src/backend/access/transam/xlog.c).
   */
  readonly knownLsn: Lsn;
  /** Some of its pages may hold changes up to here. */
  readonly reachedLsn: Lsn;
  /** A former catchup was interrupted: only another one makes the directory a cluster again. */
  readonly isInterrupted: boolean;
  readonly tablespaces: readonly TablespaceLink[];
  /** Whom new files are given to; undefined: they are the process's own anyway. */
  readonly owner: Owner | undefined;
}

/** What is sent or stored of the cluster that is ahead. */
export interface CatchupOffer {
  readonly name: string;
  readonly systemIdentifier: bigint | undefined;
  /** `server_version_num`: 150018. */
  readonly pgVersion: number;
  readonly timeline: number;
  /** Pages changed before this position are not in it. */
  readonly sinceLsn: Lsn;
  readonly startLsn: Lsn;
}

/** States from which a server goes on by replaying what others wrote, or has ended all it did. */
const RECOVERING: ReadonlySet<string> = new Set([
  "shut down",
  "shut down in recovery",
  "in archive recovery",
]);

/** Looks at a directory and holds it against other catchups; changes nothing. */
export async function openStandby(dir: string): Promise<CatchupStandby> {
  const dataDir = resolved(dir);
  const version = join(dataDir, "PG_VERSION");
  const majorVersion = new TextDecoder().decode(readable(version)).trim();
  const lock = await tryLockFile(version);
  if (lock === undefined) {
    throw new ToolError({
      code: "backup-running",
      message: `another catchup works in ${dataDir}`,
    });
  }
  try {
    return { ...lookAt(dataDir), majorVersion, [Symbol.dispose]: () => lock[Symbol.dispose]() };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

function lookAt(dataDir: string): Omit<CatchupStandby, "majorVersion" | typeof Symbol.dispose> {
  const processId = runningServer(dataDir);
  if (processId !== undefined) {
    throw new ToolError({
      code: "target-not-empty",
      message: `server ${processId} runs in ${dataDir}`,
      hint: "Stop the standby first.",
    });
  }
  if (existsSync(join(dataDir, RESTORE_MARKER))) {
    throw new DatabaseError(`${dataDir} holds the rest of an interrupted restore`, {
      hint: "Restore it again; a catchup builds on a complete cluster.",
    });
  }
  const before = join(dataDir, CONTROL_BEFORE);
  const isInterrupted = existsSync(before) && !existsSync(join(dataDir, CONTROL_PATH));
  const path = isInterrupted ? before : join(dataDir, CONTROL_PATH);
  const control = parseControlFile(readable(path), path);
  refuseCrashed(control, dataDir);
  return {
    dataDir,
    control,
    knownLsn: control.redoLsn,
    reachedLsn: laterLsn(control.minRecoveryLsn, control.checkpointLsn),
    isInterrupted,
    tablespaces: localTablespaces(dataDir),
    owner: ownerOf(dataDir),
  };
}

/** A crashed primary may have gone another way, and nobody knows how far. */
function refuseCrashed({ state }: ControlFile, dataDir: string): void {
  if (RECOVERING.has(state)) return;
  throw new DatabaseError(
    `${dataDir} is no standby, nor cleanly stopped: its state is "${state}"`,
    {
      hint: "Start the server once as a standby and stop it, or restore it from a backup.",
    },
  );
}

/** Throws unless the offer brings this very standby forward, without a gap. */
export function checkOffer(standby: CatchupStandby, offer: CatchupOffer): void {
  const { control, dataDir, knownLsn, reachedLsn } = standby;
  const refuse = (detail: string, hint: string): never => {
    throw new DatabaseError(`${offer.name} cannot bring ${dataDir} forward: ${detail}`, { hint });
  };
  if (offer.systemIdentifier !== control.systemIdentifier) {
    refuse(
      `it is of system ${offer.systemIdentifier}, the standby of ${control.systemIdentifier}`,
      "They are different clusters: check directory and storage prefix.",
    );
  }
  const major = String(Math.floor(offer.pgVersion / 10_000));
  if (major !== standby.majorVersion) {
    refuse(`it is of version ${major}, the standby of ${standby.majorVersion}`, "Restore instead.");
  }
  if (offer.sinceLsn > knownLsn) {
    refuse(
      `the standby holds what changed before ${formatLsn(knownLsn)}, and this what changed ` +
        `from ${formatLsn(offer.sinceLsn)} on`,
      `Take another one with --from-lsn ${knownLsn}.`,
    );
  }
  if (offer.startLsn < reachedLsn) {
    refuse(
      `the standby stands at ${formatLsn(reachedLsn)}, past its start at ` +
        `${formatLsn(offer.startLsn)}`,
      "The standby needs no catchup, or a later one.",
    );
  }
}

/** Where a standby stands. */
export interface StandbyPlace extends Pick<CatchupStandby, "knownLsn" | "reachedLsn"> {
  readonly timeline: number;
}

export function placeOf({ control, knownLsn, reachedLsn }: CatchupStandby): StandbyPlace {
  const timeline = Math.max(control.timeline, control.minRecoveryTimeline);
  return { timeline, knownLsn, reachedLsn };
}

/**
 * The standby must stand on the way of the other side's history: changes are counted on that.
 * `history`: a `.history` file by its name; undefined where nobody has it.
 */
export async function proveTimeline(
  place: StandbyPlace,
  offer: CatchupOffer,
  history: (name: string) => Promise<Uint8Array | undefined>,
): Promise<void> {
  const { timeline } = offer;
  if (place.timeline === timeline) return;
  const name = historyFileName(timeline);
  const bytes = place.timeline < timeline ? await history(name) : undefined;
  if (bytes !== undefined) {
    const text = new TextDecoder().decode(bytes);
    if (
      isAncestor(parseTimelineHistory(text, { timeline, name }), place.timeline, place.reachedLsn)
    )
      return;
  }
  const isUnknown = place.timeline < timeline && bytes === undefined;
  throw new DatabaseError(
    `${offer.name} is of timeline ${timeline}, the standby is on ${place.timeline}` +
      (isUnknown ? `, and nobody has ${name}` : " and not on its way"),
    { hint: "After a divergence pg_rewind or a restore is needed; see wal-restore." },
  );
}

/** From here on no server can start in the directory. */
export function beginStandby({ dataDir, isInterrupted }: CatchupStandby): void {
  if (isInterrupted) return;
  renameSync(join(dataDir, CONTROL_PATH), join(dataDir, CONTROL_BEFORE));
  syncDirectory(join(dataDir, "global"));
}

/** Everything is in place and durable: the directory is a cluster again. */
export function finishStandby({ dataDir }: CatchupStandby): void {
  const global = join(dataDir, "global");
  renameSync(join(dataDir, CONTROL_AFTER), join(dataDir, CONTROL_PATH));
  syncDirectory(global);
  rmSync(join(dataDir, CONTROL_BEFORE), { force: true });
  syncDirectory(global);
}

/** Those that are links; what lies in the directory itself is part of it. */
export function localTablespaces(dataDir: string): readonly TablespaceLink[] {
  const folder = join(dataDir, "pg_tblspc");
  return readdirSync(folder).flatMap((oid) => {
    const path = join(folder, oid);
    const isLink = lstatSync(path).isSymbolicLink();
    return isLink ? [{ oid, location: readlinkSync(path) }] : [];
  });
}

function ownerOf(dataDir: string): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const { uid, gid } = statSync(dataDir);
  return { uid, gid };
}

function resolved(dir: string): string {
  try {
    return realpathSync(dir);
  } catch (cause) {
    throw new FilesystemError(dir, messageOf(cause), { cause });
  }
}

function readable(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new FilesystemError(path, messageOf(cause), {
      hint: "A catchup needs the data directory of a stopped standby.",
      cause,
    });
  }
}
