import { type BigIntStats, lstatSync, readdirSync, readlinkSync, realpathSync } from "node:fs";
import { join, sep } from "node:path";
import { errnoOf, FilesystemError, messageOf } from "../../base/errors.ts";
import { GarbagePace } from "../../base/garbage.ts";
import { FolderNames } from "./folder-names.ts";
import { RESTORE_MARKER } from "./restore-target.ts";

/** One thing below the data directory, as a tar entry will name it. */
export interface DirectoryEntry {
  /** `/`: the data directory itself; `/base/5/16390`; of a tablespace `/pg_tblspc/16400/…`. */
  readonly name: string;
  readonly localPath: string;
  readonly kind: "file" | "directory" | "symlink";
  /** By lstat, when the walk came by. */
  readonly sizeBytes: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modifiedAtNs: bigint;
  /** Set by the kernel at each change of content or attributes. */
  readonly changedAtNs: bigint;
  readonly inode: bigint;
  /** When the inode was made; 0n where the file system does not tell. */
  readonly bornAtNs: bigint;
  /** A file of an unlogged relation: it has an init fork, and its pages carry no LSN. */
  readonly isUnlogged: boolean;
  /** Of a symlink: where it points; else empty. */
  readonly linkTarget: string;
}

export interface Tablespace {
  /** Name of the link in pg_tblspc. */
  readonly oid: string;
  readonly location: string;
}

/** Directories whose content no backup needs: kept empty, so that the server finds them. */
const EMPTIED_DIRECTORIES = new Set([
  "log",
  "pg_log",
  "pg_xlog",
  "pg_wal",
  "pg_dynshmem",
  "pg_notify",
  "pg_replslot",
  "pg_serial",
  "pg_stat_tmp",
  "pg_snapshots",
  "pg_subtrans",
]);

/** Files of the running server or of an earlier restore; the backup brings its own labels. */
const LEFT_OUT_FILES = new Set([
  "postgresql.auto.conf.tmp",
  "postmaster.pid",
  "postmaster.opts",
  "recovery.conf",
  "recovery.signal",
  "standby.signal",
  "backup_label",
  "backup_label.old",
  "tablespace_map",
  "tablespace_map.old",
  "backup_manifest",
  RESTORE_MARKER,
]);

const TEMPORARY_DIRECTORY = "pgsql_tmp";

/** What the runtime makes of bytes that are no text; such a file cannot be opened by its name. */
const NOT_UTF8 = "\ufffd";

/** Files that the server removes or makes again when it starts: temporary relations, caches. */
const MADE_AGAIN = /^(?:t\d+_\d+(?:_[a-z]+)?(?:\.\d+)?|pg_internal\.init(?:\.\d+)?)$/;

/** Collects what the walk meets besides entries. */
export interface WalkFindings {
  readonly tablespaces: Tablespace[];
  /** Sockets, pipes, devices, and names that are not UTF-8: not stored, worth a warning. */
  readonly strangeFiles: string[];
  /** Links that are stored as such: what they lead to is outside of the backup. */
  readonly links: string[];
  /** Sum of all lstat sizes, directories included (WAL-G's DataCatalogSize). */
  totalBytes: number;
}

/** At most so many of each kind are kept: a warning that long is read by nobody. */
const FINDINGS_MAX = 100;

export function newFindings(): WalkFindings {
  return { tablespaces: [], strangeFiles: [], links: [], totalBytes: 0 };
}

/**
 * Everything that a base backup stores, in the order of a lexical walk, tablespaces in the place
 * of their links. global/pg_control is left out: it is stored by itself, last. What vanishes
 * meanwhile is skipped; what cannot be read is an error.
 */
export function* walkDataDirectory(
  dataDir: string,
  findings: WalkFindings,
): Generator<DirectoryEntry> {
  const root = realpathSync(dataDir);
  const garbage = new GarbagePace();
  for (const entry of walk({ root, localPath: root, name: "/", findings })) {
    yield entry;
    garbage.passed();
  }
}

interface Place {
  /** Init forks of the folder, by relation: `16390`. */
  readonly unlogged?: ReadonlySet<string>;
  readonly root: string;
  readonly localPath: string;
  readonly name: string;
  readonly findings: WalkFindings;
}

function* walk(place: Place): Generator<DirectoryEntry> {
  const stats = statOf(place.localPath);
  if (stats === undefined) return;
  const { name } = place;
  place.findings.totalBytes += Number(stats.size);
  const isTop = name !== "/" && name.lastIndexOf("/") === 0;
  const base = name.slice(name.lastIndexOf("/") + 1);
  if (stats.isSymbolicLink()) {
    if (isTop && EMPTIED_DIRECTORIES.has(base)) yield emptyDirectory(place, stats);
    else yield* linkEntry(place, stats);
    return;
  }
  if (stats.isDirectory()) {
    yield entryOf(place, stats, "directory");
    if (base === TEMPORARY_DIRECTORY || (isTop && EMPTIED_DIRECTORIES.has(base))) return;
    if (name === "/pg_tblspc") yield* walkTablespaces(place);
    else yield* walkChildren(place);
    return;
  }
  if (isTop && LEFT_OUT_FILES.has(base)) return;
  if (name === "/global/pg_control" || (!isTop && MADE_AGAIN.test(base))) return;
  if (!stats.isFile()) {
    note(place.findings.strangeFiles, place.localPath);
    return;
  }
  yield entryOf(place, stats, "file");
}

function* linkEntry(place: Place, stats: BigIntStats): Generator<DirectoryEntry> {
  const linkTarget = targetOf(place.localPath);
  if (linkTarget === undefined) return;
  refuseLinkInside(place.root, place.localPath);
  note(place.findings.links, place.localPath);
  yield { ...entryOf(place, stats, "symlink"), linkTarget };
}

/**
 * A link to what the backup holds anyway leads, once restored, into the cluster that it came
 * from; or round in a circle. One that leads nowhere is stored as it is.
 */
function refuseLinkInside(root: string, link: string): void {
  let location: string;
  try {
    location = realpathSync(link);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return;
    throw new FilesystemError(link, `link cannot be followed: ${messageOf(error)}`, {
      hint: "Repair or remove the link, then take the backup again.",
      cause: error,
    });
  }
  if (location !== root && !location.startsWith(root + sep)) return;
  throw new FilesystemError(link, `link leads into the data directory: ${location}`, {
    hint: "Replace the link by what it leads to, or move that out of the data directory.",
  });
}

function note(paths: string[], path: string): void {
  if (paths.length < FINDINGS_MAX) paths.push(path);
}

function* walkChildren(place: Place): Generator<DirectoryEntry> {
  const children = childrenOf(place.localPath);
  const unlogged = unloggedOf(children);
  for (const child of children) {
    if (child.includes(NOT_UTF8)) {
      note(place.findings.strangeFiles, join(place.localPath, child));
      continue;
    }
    const name = place.name === "/" ? `/${child}` : `${place.name}/${child}`;
    yield* walk({ ...place, localPath: join(place.localPath, child), name, unlogged });
  }
}

/** Links become tablespaces; in-place tablespaces are ordinary directories. */
function* walkTablespaces(place: Place): Generator<DirectoryEntry> {
  for (const oid of childrenOf(place.localPath)) {
    const link = join(place.localPath, oid);
    const name = `${place.name}/${oid}`;
    const stats = statOf(link);
    if (stats === undefined) continue;
    if (!stats.isSymbolicLink()) {
      yield* walk({ ...place, localPath: link, name });
      continue;
    }
    const location = tablespaceLocation(place.root, link);
    if (location === undefined) continue;
    const target = targetOf(link) ?? location;
    place.findings.tablespaces.push({ oid, location: stripSlash(target) });
    yield* walkChildren({ ...place, localPath: location, name });
  }
}

/** The real directory; a link into the data directory would store it twice, or for ever. */
function tablespaceLocation(root: string, link: string): string | undefined {
  let location: string;
  try {
    location = realpathSync(link);
  } catch (error) {
    if (errnoOf(error) === "ENOENT" && statOf(link) === undefined) return undefined;
    throw new FilesystemError(link, `tablespace link cannot be followed: ${messageOf(error)}`, {
      hint: "Drop the tablespace or repair its link, then take the backup again.",
      cause: error,
    });
  }
  const isInside = location === root || location.startsWith(root + sep);
  if (isInside || root.startsWith(location + sep)) {
    throw new FilesystemError(link, `tablespace link leads into the data directory: ${location}`, {
      hint: "Move the tablespace out of the data directory; it would be stored twice.",
    });
  }
  return location;
}

function emptyDirectory(place: Place, link: BigIntStats): DirectoryEntry {
  return { ...entryOf(place, link, "directory"), mode: 0o700, sizeBytes: 0 };
}

/** One file without a walk, as if no relation were unlogged; undefined when it is not there. */
export function describeFile(name: string, localPath: string): DirectoryEntry | undefined {
  const stats = statOf(localPath);
  if (stats?.isFile() !== true) return undefined;
  return entryOf({ name, localPath, unlogged: new Set() }, stats, "file");
}

type Described = Pick<Place, "name" | "localPath" | "unlogged">;

function entryOf(
  place: Described,
  stats: BigIntStats,
  kind: DirectoryEntry["kind"],
): DirectoryEntry {
  return {
    name: place.name,
    localPath: place.localPath,
    kind,
    sizeBytes: kind === "file" ? Number(stats.size) : 0,
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    modifiedAtNs: stats.mtimeNs,
    changedAtNs: stats.ctimeNs,
    inode: stats.ino,
    bornAtNs: stats.birthtimeNs,
    isUnlogged: kind === "file" && isUnlogged(place),
    linkTarget: "",
  };
}

/** Relations with an init fork. */
function unloggedOf(children: FolderNames): ReadonlySet<string> {
  const unlogged = new Set<string>();
  for (const child of children) {
    if (child.endsWith("_init")) unlogged.add(child.slice(0, -"_init".length));
  }
  return unlogged;
}

function isUnlogged({ name, unlogged }: Described): boolean {
  if (unlogged === undefined || unlogged.size === 0) return false;
  const relation = /^\d+/.exec(name.slice(name.lastIndexOf("/") + 1))?.[0];
  return relation !== undefined && unlogged.has(relation);
}

/** Where a link points; undefined when it is gone. */
function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw new FilesystemError(path, messageOf(error), { cause: error });
  }
}

function statOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw new FilesystemError(path, messageOf(error), { cause: error });
  }
}

function childrenOf(path: string): FolderNames {
  try {
    return new FolderNames(readdirSync(path));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return new FolderNames([]);
    throw new FilesystemError(path, messageOf(error), {
      hint: "The backup must read the whole data directory: run it as the server's user.",
      cause: error,
    });
  }
}

function stripSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
