import { existsSync, lstatSync, readlinkSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { syncDirectory } from "../../base/atomic-file.ts";
import { FilesystemError, messageOf, ToolError } from "../../base/errors.ts";
import { readControlFileIfPresent } from "./control-file.ts";
import {
  createDirectory,
  namesIn,
  ownerFor,
  PREFETCH_FOLDER,
  prepareRestoreTarget,
  RESTORE_MARKER,
  type RestoreTarget,
  readMarker,
  refuseAlive,
  TargetNotEmptyError,
  type TargetRequest,
  writeMarkers,
} from "./restore-target.ts";
import { checkTablespacePlaces, type TablespaceLink } from "./tablespace-links.ts";

export interface DeltaTargetRequest extends TargetRequest {
  /** Of the cluster that the backup is of. */
  readonly systemIdentifier: bigint | undefined;
}

/** The directory is none that a delta restore may overwrite. */
export class NotThisClusterError extends ToolError {
  constructor(message: string, hint: string) {
    super({ code: "target-not-empty", message, hint });
  }
}

/**
 * Reserves a data directory that is to become what the backup is. Everything that can be refused
 * is refused before anything changes; then the marker comes, and pg_control goes: from here on no
 * server can start in it, and a run that was interrupted can only be run again.
 */
export function prepareDeltaTarget(request: DeltaTargetRequest): RestoreTarget {
  const requested = resolve(request.dir);
  if (namesIn(requested).every((name) => name === PREFETCH_FOLDER)) {
    request.log.info(`${requested} is empty: there is nothing to compare the backup with`);
    return prepareRestoreTarget(request);
  }
  checkTablespacePlaces(request.links, requested);
  const system = checkCluster(requested, request);
  for (const link of request.links) checkLocation(link, requested);
  refuseForeignOwner(requested);
  const owner = ownerFor(requested);
  const dir = createDirectory(requested, owner);
  const places = request.links.map(({ location }) => createDirectory(location, owner));
  // Again, with links in the paths followed.
  const links = request.links.map(({ oid }, index) => ({ oid, location: places[index] ?? dir }));
  checkTablespacePlaces(links, dir);
  // Those that an interrupted run left; two runs at once are told apart by who makes them anew.
  const dirs = [dir, ...places];
  for (const place of dirs) rmSync(join(place, RESTORE_MARKER), { force: true });
  writeMarkers(dirs, system);
  warnOfJournal(dir, request);
  warnOfLinkedJournal(dir, request);
  removeControlFile(dir);
  return { dir, links: request.links, owner, isCompared: true };
}

/** The identity of what lies there; throws unless it is the backup's. */
function checkCluster(dir: string, request: DeltaTargetRequest): bigint {
  const { systemIdentifier } = request;
  if (systemIdentifier === undefined) {
    throw new NotThisClusterError(
      `the backup does not say of which system it is: ${dir} cannot be compared with it`,
      "Restore it into an empty directory.",
    );
  }
  refuseServer(dir);
  const marker = existsSync(join(dir, RESTORE_MARKER)) ? readMarker(dir) : undefined;
  if (marker !== undefined) refuseAlive(dir, marker);
  const control = readControlFileIfPresent(dir);
  // The rest of an interrupted restore: without pg_control, and with the identity in the mark.
  const isRest = marker !== undefined && control === undefined;
  const found = isRest ? (marker.system ?? systemIdentifier) : control?.systemIdentifier;
  if (found === undefined || (!isRest && !existsSync(join(dir, "PG_VERSION")))) {
    throw new NotThisClusterError(
      `${dir} is not a data directory: PG_VERSION or global/pg_control is missing`,
      "Give the data directory of the backup's cluster, or an empty one. Nothing was touched.",
    );
  }
  if (found === systemIdentifier) return found;
  throw new NotThisClusterError(
    `${dir} is of system ${found}, the backup of ${systemIdentifier}`,
    "It is another cluster's directory; nothing in it was touched.",
  );
}

/** A server on another host or in another container cannot be seen, but for this file. */
function refuseServer(dir: string): void {
  if (!existsSync(join(dir, "postmaster.pid"))) return;
  throw new TargetNotEmptyError(
    `${dir} holds postmaster.pid: a server may be running in it`,
    "Stop the server. If it crashed, and none runs here or on any other host, remove the file.",
  );
}

/** A location is empty, or was this cluster's already. */
function checkLocation({ oid, location }: TablespaceLink, dir: string): void {
  const names = namesIn(location);
  if (names.length === 0) return;
  const marker = names.includes(RESTORE_MARKER) ? readMarker(location) : undefined;
  if (marker !== undefined) {
    refuseAlive(location, marker);
    return;
  }
  const link = join(dir, "pg_tblspc", oid);
  const stats = lstatSync(link, { throwIfNoEntry: false });
  if (stats?.isSymbolicLink() === true && resolve(dir, readlinkSync(link)) === location) return;
  throw new TargetNotEmptyError(
    `Failed to fetch backup: ${location} of tablespace ${oid} must be empty, as ${link} ` +
      "does not lead there",
    "Say with --restore-spec where the tablespace is, or empty the folder.",
  );
}

/** Another account could not set modes and times: better noticed before anything is changed. */
function refuseForeignOwner(dir: string): void {
  const own = process.getuid?.();
  const { uid } = statSync(dir);
  if (own === undefined || own === 0 || own === uid) return;
  throw new FilesystemError(dir, `belongs to user ${uid}, this is user ${own}`, {
    hint: "Run the restore as the server's account.",
  });
}

/** WAL that was never archived is gone with the old state: the last moment to say so. */
function warnOfJournal(dir: string, { log }: TargetRequest): void {
  const waiting = namesIn(join(dir, "pg_wal", "archive_status")).filter((name) =>
    name.endsWith(".ready"),
  );
  if (waiting.length === 0) return;
  log.warning(
    `${dir}/pg_wal holds ${waiting.length} files that were not archived yet, the first ` +
      `${waiting.sort()[0]?.slice(0, -".ready".length)}: they are removed`,
  );
}

function warnOfLinkedJournal(dir: string, { log }: TargetRequest): void {
  const path = join(dir, "pg_wal");
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
  log.warning(`${path} was a link to ${readlinkSync(path)}, which is left: it becomes a folder`);
}

function removeControlFile(dir: string): void {
  const folder = join(dir, "global");
  try {
    rmSync(join(folder, "pg_control"), { force: true });
    if (existsSync(folder)) syncDirectory(folder);
  } catch (cause) {
    throw new FilesystemError(folder, `pg_control cannot be removed: ${messageOf(cause)}`, {
      cause,
    });
  }
}
