import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { syncDirectory } from "../../base/atomic-file.ts";
import { errnoOf, FilesystemError, messageOf, ToolError } from "../../base/errors.ts";
import { isJsonObject } from "../../base/json.ts";
import type { Logger } from "../../base/log.ts";
import { isProcessAlive } from "../../base/process-alive.ts";
import { removeTree } from "../../base/remove-tree.ts";
import { runningServer } from "./running-server.ts";
import { checkTablespacePlaces, type TablespaceLink } from "./tablespace-links.ts";

/**
 * Lies in every folder that a restore fills, from before its first file until it is complete. A
 * folder that has it and no global/pg_control is the left-over of an interrupted restore: no
 * server can have run in it, so the next restore empties it and starts again.
 */
export const RESTORE_MARKER = "tidemark_restore.unfinished";

/** WAL-G's read-ahead of WAL: of an earlier life of the cluster, so never to be used. */
export const PREFETCH_FOLDER = ".wal-g";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** A target that is reserved for one restore. */
export interface RestoreTarget {
  /** Absolute, without symbolic links. */
  readonly dir: string;
  readonly links: readonly TablespaceLink[];
  /** Whom restored files are given to; undefined: they are the process's own anyway. */
  readonly owner: Owner | undefined;
  /** It holds an earlier state, with which the restore compares; else it is empty. */
  readonly isCompared: boolean;
}

/** The target is in use or holds something. */
export class TargetNotEmptyError extends ToolError {
  constructor(message: string, hint: string) {
    super({ code: "target-not-empty", message, hint });
  }
}

export interface TargetRequest {
  readonly dir: string;
  readonly links: readonly TablespaceLink[];
  readonly log: Logger;
}

/** Checks, creates and reserves the target directory and the places of the tablespaces. */
export function prepareRestoreTarget(request: TargetRequest): RestoreTarget {
  const requested = resolve(request.dir);
  const owner = ownerFor(requested);
  const wanted = [requested, ...request.links.map(({ location }) => location)];
  checkTablespacePlaces(request.links, requested);
  // Nothing is touched before every place was looked at.
  const leftovers = wanted.flatMap((dir, index) => leftoverOf(dir, index === 0));
  for (const leftover of leftovers) discard(leftover, request.log);
  const dirs = wanted.map((dir) => createDirectory(dir, owner));
  const links = request.links.map(({ oid }, index) => ({
    oid,
    location: dirs[index + 1] ?? requested,
  }));
  const dir = dirs[0] ?? requested;
  // Again, with links in the paths followed.
  checkTablespacePlaces(links, dir);
  writeMarkers(dirs);
  if (owner === undefined && process.getuid?.() === 0) {
    request.log.warning(`${dir} belongs to root, as which PostgreSQL does not start`);
  }
  // The links get the paths as the user wrote them.
  return { dir, links: request.links, owner, isCompared: false };
}

/**
 * `system`: the identity of the cluster that lies there, of a restore which compares: what it
 * leaves when it is interrupted is not for another restore to empty.
 */
export function writeMarkers(dirs: readonly string[], system?: bigint): void {
  const mark = JSON.stringify({
    id: crypto.randomUUID(),
    host: hostname(),
    pid: process.pid,
    ...born(),
    ...(system === undefined ? {} : { system: String(system) }),
  });
  for (const place of dirs) writeMarker(place, `${mark}\n`);
}

/** The restore is complete: the marks go, tablespaces first. */
export function releaseRestoreTarget(target: RestoreTarget): void {
  for (const place of [...target.links.map(({ location }) => location), target.dir]) {
    rmSync(join(place, RESTORE_MARKER), { force: true });
    syncDirectory(place);
  }
}

/** As root, files get the owner of the target, or of the folder in which it is made. */
export function ownerFor(dir: string): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  let existing = dir;
  while (!existsSync(existing)) existing = dirname(existing);
  const { uid, gid } = statSync(existing);
  return uid === 0 && gid === 0 ? undefined : { uid, gid };
}

interface Leftover {
  readonly dir: string;
  readonly names: readonly string[];
}

/** What may be removed from the folder; throws when it holds anything else. */
function leftoverOf(dir: string, isData: boolean): readonly Leftover[] {
  const names = namesIn(dir);
  if (names.length === 0) return [];
  if (isData) refuseRunning(dir);
  const marker = names.includes(RESTORE_MARKER) ? readMarker(dir) : undefined;
  if (marker !== undefined && !existsSync(join(dir, "global", "pg_control"))) {
    refuseAlive(dir, marker);
    if (marker.system !== undefined) {
      throw new TargetNotEmptyError(
        `Failed to fetch backup: Directory ${dir} must be empty, and holds the rest of an ` +
          "interrupted backup-fetch --delta",
        "Run that again: it goes on where it was. Or remove the directory yourself.",
      );
    }
    return [{ dir, names }];
  }
  const rest = names.filter((name) => name !== PREFETCH_FOLDER || !isData);
  if (rest.length > 0) {
    throw new TargetNotEmptyError(
      `Failed to fetch backup: Directory ${dir} for delta base must be empty`,
      "Give an empty or absent directory; nothing in this one was touched.",
    );
  }
  return [{ dir, names }];
}

export function refuseAlive(dir: string, marker: RestoreMarker): void {
  if (!isAlive(marker)) return;
  throw new ToolError({
    code: "backup-running",
    message: `a restore into ${dir} is running (process ${marker.pid})`,
    hint: "Wait for it, or end it first.",
  });
}

export function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return [];
    throw new FilesystemError(dir, `cannot be used as restore target: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function refuseRunning(dir: string): void {
  const pid = runningServer(dir);
  if (pid === undefined) return;
  throw new TargetNotEmptyError(
    `Failed to fetch backup: Directory ${dir} must be empty, and server ${pid} runs in it`,
    "Stop the server and move its directory away, or restore into another one.",
  );
}

export interface RestoreMarker {
  readonly host: string;
  readonly pid: number;
  readonly bornAt: string | undefined;
  /** Of a restore that compares: the identity of the cluster that lay there. */
  readonly system: bigint | undefined;
}

/** undefined: not a marker of ours, so the folder is just not empty. */
export function readMarker(dir: string): RestoreMarker | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(dir, RESTORE_MARKER), "utf8"));
    if (!isJsonObject(value)) return undefined;
    const { host, pid, bornAt, system } = value;
    if (typeof host !== "string" || typeof pid !== "number") return undefined;
    return {
      host,
      pid,
      bornAt: typeof bornAt === "string" ? bornAt : undefined,
      system: typeof system === "string" ? BigInt(system) : undefined,
    };
  } catch {
    // A marker that was cut short by a crash was written before the first file.
    return { host: "", pid: 0, bornAt: undefined, system: undefined };
  }
}

/** Of another host nobody can tell: an old mark must not block for ever, so it counts as dead. */
function isAlive(marker: RestoreMarker): boolean {
  if (marker.host !== hostname() || marker.pid === process.pid || !isProcessAlive(marker.pid)) {
    return false;
  }
  return marker.bornAt === undefined || marker.bornAt === born(marker.pid).bornAt;
}

/** When a process started, in ticks since the boot: tells it from a later one of that number. */
function born(pid: number = process.pid): { readonly bornAt?: string } {
  try {
    // Field 22; the second may hold spaces, in parentheses.
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const bornAt = text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
    return bornAt === undefined ? {} : { bornAt };
  } catch {
    return {};
  }
}

function discard(leftover: Leftover, log: Logger): void {
  if (leftover.names.includes(RESTORE_MARKER)) {
    log.info(`${leftover.dir} holds the rest of an interrupted restore: emptying it`);
  }
  for (const name of leftover.names) {
    // The marker goes last, so that an interruption here is recognised too.
    if (name !== RESTORE_MARKER) removeTree(join(leftover.dir, name));
  }
  rmSync(join(leftover.dir, RESTORE_MARKER), { force: true });
}

/** Made exclusively: of two restores that begin at once, one is refused. */
function writeMarker(dir: string, content: string): void {
  const path = join(dir, RESTORE_MARKER);
  try {
    writeFileSync(path, content, { mode: 0o600, flag: "wx", flush: true });
  } catch (cause) {
    if (errnoOf(cause) === "EEXIST") {
      throw new ToolError({
        code: "backup-running",
        message: `another restore into ${dir} has just begun`,
      });
    }
    throw new FilesystemError(path, `cannot be written: ${messageOf(cause)}`, { cause });
  }
  syncDirectory(dir);
}

export function createDirectory(dir: string, owner: Owner | undefined): string {
  try {
    const created = mkdirSync(dir, { recursive: true, mode: 0o700 });
    if (created !== undefined && owner !== undefined) {
      for (let path = dir; path.length >= created.length; path = dirname(path)) {
        chownSync(path, owner.uid, owner.gid);
      }
    }
    const real = realpathSync(dir);
    if (!lstatSync(real).isDirectory()) throw new Error("it is not a directory");
    chmodSync(real, 0o700);
    if (owner !== undefined) chownSync(real, owner.uid, owner.gid);
    return real;
  } catch (cause) {
    throw new FilesystemError(dir, `cannot be used as restore target: ${messageOf(cause)}`, {
      cause,
    });
  }
}
