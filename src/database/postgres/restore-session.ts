import { existsSync, readFileSync, renameSync } from "node:fs";
import { assert, defined } from "../../base/assert.ts";
import { syncDirectory } from "../../base/atomic-file.ts";
import { ToolError, UsageError } from "../../base/errors.ts";
import type { BackupName } from "../../catalog/backup-name.ts";
import type { Sentinel } from "../../catalog/sentinel.ts";
import { formatLsn } from "../../delta/lsn.ts";
import type { ByteStream } from "../../stream/byte-stream.ts";
import type { RestorePart, RestoreRequest, RestoreSession } from "../adapter.ts";
import { parseControlFile } from "./control-file.ts";
import { decodeInlineFilesMetadata, readFilesMetadata } from "./files-metadata-reader.ts";
import { writeRecoverySettings } from "./recovery-settings.ts";
import {
  type FileState,
  type ListedFiles,
  planWantedFiles,
  type WantedFiles,
} from "./restore-files.ts";
import { labelStart } from "./restore-label.ts";
import { parseMask } from "./restore-mask.ts";
import { type PartRules, restorePartFiles } from "./restore-parts.ts";
import { FileSyncer } from "./restore-sync.ts";
import {
  prepareRestoreTarget,
  RESTORE_MARKER,
  type RestoreTarget,
  releaseRestoreTarget,
} from "./restore-target.ts";
import { RestoreTree } from "./restore-tree.ts";
import {
  decodePostgresSentinel,
  inlineFilesMetadata,
  type PostgresSentinel,
} from "./sentinel-document.ts";
import { linksOf, relocatedLinks } from "./tablespace-links.ts";
import { parseRestoreSpec } from "./tablespace-spec.ts";

const CONTROL_PATH = "global/pg_control";
/** Until `finish` the control file has this name, so that no server can start. */
const CONTROL_PATH_UNFINISHED = "global/pg_control.unfinished";
const LABEL_PATH = "backup_label";
const TABLESPACE_MAP_PATH = "tablespace_map";

/** Oldest server whose control file is checked, and that has its label outside the data. */
const CHECKED_VERSION = 130_000;

/** A backup that does not hold what a start of the server needs. */
export class IncompleteBackupError extends ToolError {
  constructor(backup: string, detail: string) {
    super({
      code: "corrupt-object",
      message: `backup ${backup}: ${detail}`,
      hint: "A server that started without it would lose or corrupt data; use another backup.",
    });
  }
}

/** Begins a restore: reads what each backup of the chain holds and reserves the target. */
export async function beginPostgresRestore(request: RestoreRequest): Promise<RestoreSession> {
  const backups = request.chain.map((sentinel) => ({
    sentinel,
    facts: decodePostgresSentinel(sentinel),
  }));
  const newest = backups.at(-1);
  if (newest === undefined) throw new UsageError("a restore needs a backup");
  const { mask, restoreSpec } = request.options;
  const own = linksOf(newest.facts.tablespaces, `sentinel of ${newest.sentinel.name}`);
  const relocated =
    restoreSpec === undefined
      ? undefined
      : linksOf(parseRestoreSpec(restoreSpec.text, restoreSpec.path), restoreSpec.path);
  const links = relocated === undefined ? own : relocatedLinks(own, relocated);
  const plans = planWantedFiles(await listFiles(request));
  const target = prepareRestoreTarget({ dir: request.targetDir, links, log: request.log });
  const wanted = new Map<BackupName, WantedFiles>();
  for (const [index, { name }] of request.chain.entries()) {
    wanted.set(name, defined(plans[index], "plan of a backup"));
  }
  return new PostgresRestore({
    request,
    newest: newest.sentinel,
    facts: newest.facts,
    target,
    wanted,
    matchesMask: mask === undefined ? undefined : parseMask(mask),
    isRelocated: relocated !== undefined,
    syncer: await FileSyncer.open(request.options.syncsFiles),
  });
}

/** What each backup of the chain says of its files. */
async function listFiles(request: RestoreRequest): Promise<readonly ListedFiles[]> {
  const lists: ListedFiles[] = [];
  for (const sentinel of request.chain) {
    const isAlone = request.chain.length === 1;
    // Receipts prove more, and a list of all files of a large cluster takes much memory.
    const files =
      isAlone && request.receipted.has(sentinel.name)
        ? undefined
        : await listFilesOf(sentinel, request);
    lists.push({ backup: sentinel.name, files });
  }
  return lists;
}

async function listFilesOf(
  sentinel: Sentinel,
  request: RestoreRequest,
): Promise<ReadonlyMap<string, FileState> | undefined> {
  const what = `files_metadata.json of ${sentinel.name}`;
  const files = new Map<string, FileState>();
  const inline = inlineFilesMetadata(sentinel);
  if (inline !== undefined) {
    const { files: facts } = decodeInlineFilesMetadata(inline, what);
    for (const [name, state] of facts) files.set(name, sharedState(state));
    return files;
  }
  const stored = await request.document(sentinel.name, "files_metadata.json");
  if (stored === undefined) return undefined;
  const file = (name: string, state: FileState) => files.set(name, sharedState(state));
  await readFilesMetadata(stored, what, { file });
  return files.size === 0 ? undefined : files;
}

const WHOLE: FileState = { isIncremented: false, isSkipped: false };
const INCREMENTED: FileState = { isIncremented: true, isSkipped: false };
const SKIPPED: FileState = { isIncremented: false, isSkipped: true };

/** Millions of files share three objects. */
function sharedState(state: FileState): FileState {
  if (state.isSkipped) return SKIPPED;
  return state.isIncremented ? INCREMENTED : WHOLE;
}

interface RestoreFacts {
  readonly request: RestoreRequest;
  readonly newest: Sentinel;
  readonly facts: PostgresSentinel;
  readonly target: RestoreTarget;
  readonly wanted: ReadonlyMap<BackupName, WantedFiles>;
  readonly matchesMask: ((path: string) => boolean) | undefined;
  /** The user moved the tablespaces: the backup's own map of them would move them back. */
  readonly isRelocated: boolean;
  readonly syncer: FileSyncer;
}

class PostgresRestore implements RestoreSession {
  readonly #facts: RestoreFacts;
  readonly #tree: RestoreTree;
  readonly #syncer: FileSyncer;
  /** Backups whose label lies in its own part: those that WAL-G or we took of a directory. */
  readonly #labelled = new Set<BackupName>();

  constructor(facts: RestoreFacts) {
    this.#facts = facts;
    this.#tree = new RestoreTree(facts.target);
    this.#syncer = facts.syncer;
  }

  plan(parts: readonly RestorePart[]): readonly (readonly RestorePart[])[] {
    const groups: RestorePart[][] = [];
    const last: RestorePart[] = [];
    for (const { name } of this.#facts.request.chain) {
      const own = parts.filter((part) => part.backup === name);
      const data = own.filter((part) => partKind(part) === "data");
      if (data.length === 0) throw new IncompleteBackupError(name, "it has no part with data");
      if (own.some((part) => partKind(part) === "label")) this.#labelled.add(name);
      groups.push(data);
      if (name !== this.#facts.newest.name) continue;
      // The label overrides one that lay in the data directory, so it comes after the data.
      last.push(...own.filter((part) => partKind(part) !== "data"));
      const isOfWalE = /^base_[0-9A-F]{24}_[0-9A-F]{8}$/.test(name);
      if (!isOfWalE && !last.some((part) => partKind(part) === "control")) {
        throw new IncompleteBackupError(name, "its part with pg_control is missing");
      }
    }
    return [...groups, last];
  }

  async restorePart(part: RestorePart, content: ByteStream): Promise<void> {
    const wanted = this.#facts.wanted.get(part.backup);
    assert(wanted !== undefined, "a part belongs to a backup of the chain");
    const isForeign = part.receipt === undefined;
    const rules: PartRules = {
      tree: this.#tree,
      syncer: this.#syncer,
      wanted,
      place: (path) => this.#placeOf(path, part.backup),
      isForeign,
      // WAL-G leaves the end off the tars that it takes over the replication protocol.
      isEndLenient: isForeign && !this.#labelled.has(part.backup),
      log: this.#facts.request.log,
    };
    await restorePartFiles(part, content, rules);
  }

  async finish(): Promise<void> {
    const { request, target, matchesMask } = this.#facts;
    this.#checkFiles();
    if (matchesMask === undefined) {
      checkLabel(this.#tree, this.#facts);
      checkControlFile(this.#tree, this.#facts);
      this.#makeWalDirectory();
    }
    if (request.recovery !== undefined) {
      writeRecoverySettings(this.#tree, this.#syncer, request.recovery.settings);
    }
    await this.#syncer.settle();
    request.signal.throwIfAborted();
    const { syncsFiles } = request.options;
    this.#tree.finish(syncsFiles);
    const unfinished = this.#tree.pathOf(CONTROL_PATH_UNFINISHED);
    if (existsSync(unfinished)) {
      renameSync(unfinished, this.#tree.pathOf(CONTROL_PATH));
      if (syncsFiles) syncDirectory(this.#tree.pathOf("global"));
    }
    releaseRestoreTarget(target);
  }

  /** Without `finish` the target keeps its marker: it cannot start, and the next run empties it. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#syncer.settle();
    } catch {
      // The restore has failed already, with an error of its own.
    }
  }

  #placeOf(path: string, backup: BackupName): string | undefined {
    const { newest, matchesMask, isRelocated } = this.#facts;
    if (matchesMask?.(path) === false || NEVER_RESTORED.has(path)) return undefined;
    if (path === CONTROL_PATH) return backup === newest.name ? CONTROL_PATH_UNFINISHED : undefined;
    if (path === TABLESPACE_MAP_PATH && isRelocated) return undefined;
    return path;
  }

  #checkFiles(): void {
    for (const [backup, wanted] of this.#facts.wanted) {
      const missing = wanted.missing();
      if (missing.length === 0) continue;
      throw new IncompleteBackupError(backup, `${missing.join(", ")} is in none of its parts`);
    }
  }

  /** A backup of a cluster whose pg_wal was a link comes without it, and no server makes it. */
  #makeWalDirectory(): void {
    if (existsSync(this.#tree.pathOf("pg_wal"))) return;
    this.#tree.directory("pg_wal", 0o700);
    this.#tree.directory("pg_wal/archive_status", 0o700);
  }
}

/** Of the source's server, or of a restore: they would keep the new server from starting. */
const NEVER_RESTORED: ReadonlySet<string> = new Set(["postmaster.pid", RESTORE_MARKER]);

function partKind(part: RestorePart): "data" | "control" | "label" {
  const base = part.name.slice(part.name.lastIndexOf("/") + 1);
  if (base === "pg_control.tar") return "control";
  return base === "backup_label.tar" ? "label" : "data";
}

/**
 * Without its label a server would take the WAL position from pg_control, start too late, and
 * be corrupt; with the label of another backup too.
 */
function checkLabel(tree: RestoreTree, { facts, newest }: RestoreFacts): void {
  const path = tree.pathOf(LABEL_PATH);
  if (!existsSync(path)) throw new IncompleteBackupError(newest.name, "it has no backup_label");
  const start = labelStart(readFileSync(path, "latin1"));
  if (start === undefined) {
    throw new IncompleteBackupError(newest.name, "its backup_label is damaged or cut short");
  }
  if (facts.startLsn === undefined || start === facts.startLsn) return;
  throw new IncompleteBackupError(
    newest.name,
    `its backup_label starts at ${formatLsn(start)}, the backup at ${formatLsn(facts.startLsn)}`,
  );
}

function checkControlFile(tree: RestoreTree, { facts, newest }: RestoreFacts): void {
  const path = tree.pathOf(CONTROL_PATH_UNFINISHED);
  if (!existsSync(path)) throw new IncompleteBackupError(newest.name, "it has no pg_control");
  if (facts.pgVersion < CHECKED_VERSION) return;
  const { systemIdentifier } = parseControlFile(readFileSync(path), `${newest.name}: pg_control`);
  if (facts.systemIdentifier === undefined || facts.systemIdentifier === systemIdentifier) return;
  throw new IncompleteBackupError(
    newest.name,
    `its pg_control is of system ${systemIdentifier}, the backup of ${facts.systemIdentifier}`,
  );
}
