import { existsSync, readFileSync, renameSync } from "node:fs";
import { defined } from "../../base/assert.ts";
import { syncDirectory } from "../../base/atomic-file.ts";
import { ToolError, UsageError } from "../../base/errors.ts";
import type { BackupName } from "../../catalog/backup-name.ts";
import type { Sentinel } from "../../catalog/sentinel.ts";
import { formatLsn } from "../../delta/lsn.ts";
import type {
  PartContent,
  RestoreOptions,
  RestorePart,
  RestoreRequest,
  RestoreSession,
} from "../adapter.ts";
import { parseControlFile } from "./control-file.ts";
import { prepareDeltaTarget } from "./delta-target.ts";
import { beginPartialRestore, type PartialRestore } from "./partial-restore.ts";
import { writeRecoverySettings } from "./recovery-settings.ts";
import { type BackupFiles, planBackupFiles } from "./restore-files.ts";
import { labelStart } from "./restore-label.ts";
import { listedBackup } from "./restore-list.ts";
import { parseMask } from "./restore-mask.ts";
import { type PartRules, restorePartFiles } from "./restore-parts.ts";
import { restoreFromPieces } from "./restore-pieces.ts";
import { removeExtras } from "./restore-sweep.ts";
import { FileSyncer } from "./restore-sync.ts";
import {
  prepareRestoreTarget,
  RESTORE_MARKER,
  type RestoreTarget,
  releaseRestoreTarget,
} from "./restore-target.ts";
import { RestoreTree } from "./restore-tree.ts";
import { decodePostgresSentinel, type PostgresSentinel } from "./sentinel-document.ts";
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
  const { mask, restoreSpec, isDelta } = request.options;
  refuseContradictions(request.options);
  const own = linksOf(newest.facts.tablespaces, `sentinel of ${newest.sentinel.name}`);
  const relocated =
    restoreSpec === undefined
      ? undefined
      : linksOf(parseRestoreSpec(restoreSpec.text, restoreSpec.path), restoreSpec.path);
  const links = relocated === undefined ? own : relocatedLinks(own, relocated);
  const newestFirst = request.chain.toReversed();
  const partial = await beginPartialRestore(newest, request);
  const lists = newestFirst.map((one) => listedBackup(one, request));
  const plans = await planBackupFiles(lists, partial?.choice);
  const files = new Map<BackupName, BackupFiles>();
  for (const [index, { name }] of newestFirst.entries()) {
    files.set(name, defined(plans[index], "plan of a backup"));
  }
  const { targetDir: dir, log } = request;
  const { systemIdentifier } = newest.facts;
  const target = isDelta
    ? prepareDeltaTarget({ dir, links, log, systemIdentifier })
    : prepareRestoreTarget({ dir, links, log });
  const facts: RestoreFacts = {
    request,
    newest: newest.sentinel,
    facts: newest.facts,
    target,
    files,
    matchesMask: mask === undefined ? undefined : parseMask(mask),
    isRelocated: relocated !== undefined,
    partial,
    syncer: await FileSyncer.open(request.options.syncsFiles),
  };
  return new PostgresRestore(facts);
}

function refuseContradictions({ mask, isDelta, only }: RestoreOptions): void {
  const given = [
    ...(mask === undefined ? [] : ["--mask"]),
    ...(isDelta ? ["--delta"] : []),
    ...(only.length === 0 ? [] : ["--restore-only"]),
  ];
  if (given.length > 1) throw new UsageError(`${given.join(" and ")} exclude each other`);
}

interface RestoreFacts {
  readonly request: RestoreRequest;
  readonly newest: Sentinel;
  readonly facts: PostgresSentinel;
  readonly target: RestoreTarget;
  readonly files: ReadonlyMap<BackupName, BackupFiles>;
  readonly matchesMask: ((path: string) => boolean) | undefined;
  /** The user moved the tablespaces: the backup's own map of them would move them back. */
  readonly isRelocated: boolean;
  readonly partial: PartialRestore | undefined;
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

  /**
   * Newest first: each page is written once, and what no newer backup left open is not fetched.
   * The control file comes last, whatever the order of the rest.
   */
  plan(parts: readonly RestorePart[]): readonly (readonly RestorePart[])[] {
    const groups: RestorePart[][] = [];
    const last: RestorePart[] = [];
    for (const { name } of this.#facts.request.chain.toReversed()) {
      const own = parts.filter((part) => part.backup === name);
      const data = own.filter((part) => partKind(part) === "data");
      if (data.length === 0) throw new IncompleteBackupError(name, "it has no part with data");
      if (own.some((part) => partKind(part) === "label")) this.#labelled.add(name);
      groups.push(data.filter((part) => !this.#isRedundant(part)));
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

  async restorePart(part: RestorePart, content: PartContent): Promise<void> {
    const { name, receipt } = part;
    const isForeign = receipt === undefined;
    const { signal } = this.#facts.request;
    const rules: PartRules = {
      tree: this.#tree,
      syncer: this.#syncer,
      files: this.#filesOf(part),
      onUnwanted: (path, sizeBytes) => {
        this.#facts.partial?.leaveOut(path, sizeBytes, this.#filesOf(part));
      },
      place: (path) => this.#placeOf(path, part.backup),
      isForeign,
      // WAL-G leaves the end off the tars that it takes over the replication protocol.
      isEndLenient: isForeign && !this.#labelled.has(part.backup),
      log: this.#facts.request.log,
    };
    if (receipt !== undefined) {
      const pieces = () => content.pieces();
      if (await restoreFromPieces({ name, receipt, pieces, signal }, rules)) return;
    }
    await restorePartFiles(part, await content.whole(), rules);
  }

  async finish(): Promise<void> {
    const { request, target, matchesMask } = this.#facts;
    this.#checkFiles();
    if (matchesMask === undefined) this.#makeWalDirectory();
    if (target.isCompared) {
      const majorVersion = majorOf(this.#facts.facts.pgVersion);
      removeExtras(this.#tree, { majorVersion, log: request.log });
    }
    if (matchesMask === undefined) {
      checkLabel(this.#tree, this.#facts);
      checkControlFile(this.#tree, this.#facts);
      await this.#facts.partial?.finish(this.#tree, this.#syncer, CONTROL_PATH_UNFINISHED);
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
    await this.#syncer.idle();
  }

  #filesOf(part: RestorePart): BackupFiles {
    return defined(this.#facts.files.get(part.backup), "the files of a backup of the chain");
  }

  /** Where there are receipts, they say it when the part's turn comes. */
  #isRedundant(part: RestorePart): boolean {
    const { request } = this.#facts;
    if (request.receipted.has(part.backup)) return false;
    if (!this.#filesOf(part).isRedundant(part.storedName)) return false;
    request.log.info(`${part.storedName} of ${part.backup} holds nothing that is needed: left out`);
    return true;
  }

  #placeOf(path: string, backup: BackupName): string | undefined {
    const { newest, matchesMask, isRelocated } = this.#facts;
    if (matchesMask?.(path) === false || NEVER_RESTORED.has(path)) return undefined;
    if (path === CONTROL_PATH) return backup === newest.name ? CONTROL_PATH_UNFINISHED : undefined;
    if (path === TABLESPACE_MAP_PATH && isRelocated) return undefined;
    return path;
  }

  #checkFiles(): void {
    for (const [backup, files] of this.#facts.files) {
      const missing = files.missing();
      if (missing.length === 0) continue;
      throw new IncompleteBackupError(backup, `${missing.join(", ")} is in none of its parts`);
    }
  }

  /** A backup of a cluster whose pg_wal was a link comes without it, and no server makes it. */
  #makeWalDirectory(): void {
    if (this.#tree.hasDirectory("pg_wal")) return;
    this.#tree.directory("pg_wal", 0o700);
    this.#tree.directory("pg_wal/archive_status", 0o700);
  }
}

/** Of the source's server, or of a restore: they would keep the new server from starting. */
const NEVER_RESTORED: ReadonlySet<string> = new Set(["postmaster.pid", RESTORE_MARKER]);

/** As in the names of folders: `15`, and `9.6` before 10. */
function majorOf(pgVersion: number): string {
  const major = Math.floor(pgVersion / 10_000);
  return major >= 10 ? `${major}` : `${major}.${Math.floor(pgVersion / 100) % 100}`;
}

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
