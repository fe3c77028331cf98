import { realpathSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";
import { FilesystemError, messageOf } from "../../base/errors.ts";
import { type BackupName, formatPostgresBackupName } from "../../catalog/backup-name.ts";
import { formatLsn } from "../../delta/lsn.ts";
import { PAGE_LEAF_BYTES } from "../../stream/content-hash.ts";
import type { PartEntry } from "../../transfer/stored-part.ts";
import type { BackupPart, BackupRequest, BackupSession, StoredFacts } from "../adapter.ts";
import { describeBackup } from "./backup-documents.ts";
import type { PostgresBackupOptions } from "./backup-options.ts";
import { PartPacker } from "./backup-parts.ts";
import { beginCatchup, type Catchup, catchupEntries } from "./catchup-begin.ts";
import { type ControlFile, parseControlFile, readControlFile } from "./control-file.ts";
import {
  type DirectoryEntry,
  newFindings,
  type WalkFindings,
  walkDataDirectory,
} from "./data-directory.ts";
import { collectDatabaseNames } from "./database-names.ts";
import { beginDelta, type Delta, openBase, pageGuardOf } from "./delta-begin.ts";
import { DeltaFiles, wholeFiles } from "./delta-files.ts";
import type { FileMark } from "./file-mark.ts";
import { FilesMetadataWriter } from "./files-metadata-writer.ts";
import { checkServersJournal, firstJournalOf, journalBetween } from "./journal-needs.ts";
import { controlFilePath, controlPart, labelPart, readWholeControlFile } from "./label-part.ts";
import type { PostgresIncrement } from "./sentinel-document.ts";
import { type BackupStart, type BackupStop, PostgresSession } from "./session.ts";
import { DatabaseError } from "./wire/server-error.ts";

/** Corrupt blocks of a file that files_metadata.json names, unless all are asked for. */
const RECORDED_BLOCKS_MAX = 10;

/** Begins a backup of a data directory on this machine. */
export async function beginLocalBackup(
  options: PostgresBackupOptions & { readonly dataDir: string },
  request: BackupRequest,
): Promise<BackupSession> {
  const startedAt = options.clock.now();
  const { clock, connection, aliveCheckIntervalMs, waitsForArchiver, log } = options;
  const { signal } = request;
  const dataDir = resolveDirectory(options.dataDir);
  const server = await PostgresSession.open({
    connection,
    clock,
    signal,
    aliveCheckIntervalMs,
    waitsForArchiver,
  });
  try {
    const control = checkSameCluster(options.dataDir, dataDir, server);
    // A first walk finds what cannot be read before the server enters backup mode.
    const totalBytes = measureDirectory(dataDir);
    const base = await openBase(request.parent, control, log);
    const start = await server.startBackup(startedAt.toISOString(), signal);
    log.info(`backup started at LSN ${formatLsn(start.startLsn)}, WAL file ${start.segment}`);
    await checkSameCheckpoint(dataDir, start, { clock, signal });
    const begun = { dataDir, control, server, start, options, request };
    const catchup = options.catchup && (await beginCatchup(options.catchup, begun));
    // First: maps of changed blocks wait for the WAL file that this ends to be archived.
    const firstJournal = await firstJournalOf(server, start, { log, signal });
    const delta = catchup ?? (await beginDelta(base, begun));
    const facts = { startedAt, dataDir, totalBytes, firstJournal, start, delta, catchup };
    return new LocalBackup(options, request, server, facts);
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

interface BeginFacts {
  /** undefined: a full backup. */
  readonly delta: Delta | undefined;
  /** The same, if it is a catchup. */
  readonly catchup: Catchup | undefined;
  readonly startedAt: Date;
  readonly dataDir: string;
  readonly totalBytes: number;
  readonly firstJournal: string | undefined;
  readonly start: BackupStart;
}

class LocalBackup implements BackupSession {
  readonly name: BackupName;
  readonly lost: Promise<never>;
  readonly totalBytes: number | undefined;
  readonly firstJournal: string | undefined;
  readonly #options: PostgresBackupOptions;
  readonly #request: BackupRequest;
  readonly #server: PostgresSession;
  readonly #begin: BeginFacts;
  readonly #findings: WalkFindings = newFindings();
  readonly #packer: PartPacker;
  readonly #deltaFiles: DeltaFiles | undefined;
  readonly #filesMetadata: FilesMetadataWriter | undefined;
  #lastParts: readonly BackupPart[] = [];
  #stop: BackupStop | undefined;

  constructor(
    options: PostgresBackupOptions,
    request: BackupRequest,
    server: PostgresSession,
    begin: BeginFacts,
  ) {
    this.#options = options;
    this.#request = request;
    this.#server = server;
    this.#begin = begin;
    const { delta } = begin;
    const { catchup } = begin;
    const parent = catchup === undefined ? delta?.base.parent : undefined;
    this.name = formatPostgresBackupName(begin.start.segment, parent);
    this.lost = server.lost;
    // Of a delta nobody knows before its end.
    this.totalBytes = delta === undefined ? begin.totalBytes : undefined;
    this.firstJournal = begin.firstJournal;
    const { zone, writesFilesMetadata } = options;
    this.#filesMetadata = writesFilesMetadata
      ? new FilesMetadataWriter({ zone, parent: delta?.base.files })
      : undefined;
    const reading = {
      checksPages: this.#checksPages(),
      isParallel: options.isParallel,
      diskLimit: options.diskLimit,
      clock: options.clock,
      log: options.log,
      signal: request.signal,
    };
    this.#deltaFiles = delta && new DeltaFiles(delta, reading);
    const entries = walkDataDirectory(begin.dataDir, this.#findings);
    this.#packer = new PartPacker({
      entries: catchup === undefined ? entries : catchupEntries(entries, catchup),
      onIncrement: options.catchup?.onIncrement,
      thresholdBytes: options.thresholdBytes,
      files: this.#deltaFiles ?? wholeFiles(reading),
      log: options.log,
      signal: request.signal,
      onEntry: (entry, packed, mark) => this.#recordFile(entry, packed, mark),
      onUnchanged: (entry, mark) => this.#recordFile(entry, undefined, mark),
      onPart: (partName, packed) => this.#recordPart(partName, packed),
    });
  }

  async *parts(): AsyncGenerator<BackupPart> {
    yield* this.#packer.parts();
  }

  async finish(): Promise<readonly BackupPart[]> {
    const { clock, log, stopTimeoutMs } = this.#options;
    const { signal } = this.#request;
    for (const path of this.#findings.strangeFiles) {
      log.warning(`${path} is no file, directory or link with a readable name: left out`);
    }
    for (const path of this.#findings.links) {
      log.warning(`${path} is a link: stored as a link, what it leads to is not in the backup`);
    }
    this.#reportDelta();
    const control = await controlPart(this.#begin.dataDir, clock, signal);
    this.#stop = await this.#server.stopBackup(stopTimeoutMs, signal);
    const labels = labelPart({
      backupLabel: this.#stop.labelFile,
      tablespaceMap: this.#stop.tablespaceMap,
    });
    this.#lastParts = [control, labels];
    await this.#recordNames();
    return this.#lastParts;
  }

  journalNeeded(): readonly string[] {
    const { startLsn, timeline } = this.#begin.start;
    const { walSegmentBytes } = this.#server.facts;
    return journalBetween(startLsn, this.#stopped().stopLsn, { timeline, walSegmentBytes });
  }

  checkJournal(name: string, head: Uint8Array): void {
    checkServersJournal(name, head, this.#server.facts);
  }

  async describe(stored: StoredFacts) {
    const { startedAt, dataDir, start } = this.#begin;
    const { facts } = this.#server;
    const [control, labels] = this.#lastParts;
    // As in WAL-G's documents, the part of pg_control is not among the listed ones.
    if (labels !== undefined) this.#recordPart("backup_label.tar", labels.entries().toReversed());
    const lastBytes = [control, labels]
      .flatMap((part) => part?.entries() ?? [])
      .reduce((sum, entry) => sum + entry.sizeBytes, 0);
    const { tablespaces } = this.#findings;
    return describeBackup({
      startedAt,
      finishedAt: this.#options.clock.now(),
      startLsn: start.startLsn,
      increment: this.#increment(),
      finishLsn: this.#stopped().stopLsn,
      pgVersion: facts.versionNumber,
      pageGuard: pageGuardOf(facts),
      systemIdentifier: facts.systemIdentifier,
      hostname: this.#options.hostname,
      dataDir,
      isPermanent: this.#request.isPermanent,
      userData: this.#request.userData,
      uncompressedBytes: this.#packer.plainBytes + lastBytes,
      compressedBytes: stored.storedBytes,
      dataCatalogBytes: this.#findings.totalBytes,
      tablespaces:
        tablespaces.length === 0
          ? undefined
          : {
              basePrefix: dataDir,
              tablespaces: tablespaces.map(({ oid, location }) => ({
                name: oid,
                location,
                link: `pg_tblspc/${oid}`,
              })),
            },
      filesMetadata: this.#filesMetadata?.finish(stored.partSuffix),
    });
  }

  /** Whatever did not come to an end, the server leaves backup mode with its session. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  #stopped(): BackupStop {
    if (this.#stop === undefined) throw new Error("assertion failed: the backup has not ended");
    return this.#stop;
  }

  #checksPages(): boolean {
    const { hasDataChecksums, blockBytes } = this.#server.facts;
    if (!this.#options.verifiesPages || !hasDataChecksums) return false;
    if (blockBytes === PAGE_LEAF_BYTES) return true;
    this.#options.log.warning(`page checksums are not checked: pages have ${blockBytes} bytes`);
    return false;
  }

  #increment(): PostgresIncrement | undefined {
    const { delta } = this.#begin;
    if (delta === undefined) return undefined;
    const { parent, full, depth, sinceLsn } = delta.base;
    return { parent, full, depth, sinceLsn, finder: delta.finder };
  }

  #reportDelta(): void {
    const { replaced = 0, unjudged = 0 } = this.#deltaFiles?.counts ?? {};
    const { log } = this.#options;
    if (replaced > 0) {
      log.info(`${replaced} files of relations are not those of the parent: stored whole`);
    }
    if (unjudged > 0) {
      log.info(`${unjudged} files have pages without a server's header: stored whole`);
    }
  }

  /** `packed` undefined: the file is as in the parent. */
  #recordFile(entry: DirectoryEntry, packed: PartEntry | undefined, mark?: FileMark): void {
    const corruptBlocks = packed?.corruptBlocks ?? [];
    const some = this.#options.storesAllCorrupt
      ? corruptBlocks
      : corruptBlocks.slice(0, RECORDED_BLOCKS_MAX);
    this.#filesMetadata?.addFile(entry.name, {
      isIncremented: packed?.kind === "increment",
      isSkipped: packed === undefined,
      mtimeNs: entry.modifiedAtNs,
      corruptBlocks: corruptBlocks.length === 0 ? undefined : { count: corruptBlocks.length, some },
      updatesCount: 0n,
      mark,
    });
  }

  /** At the end of the backup, since that is the state which a restore recovers to at least. */
  async #recordNames(): Promise<void> {
    const { namesTables, connection, clock, log } = this.#options;
    if (!namesTables || this.#filesMetadata === undefined) return;
    const { signal } = this.#request;
    const request = { server: this.#server, connection, clock, log, signal };
    await collectDatabaseNames(request, this.#filesMetadata);
  }

  #recordPart(partName: string, packed: readonly PartEntry[]): void {
    this.#filesMetadata?.addPart(
      partName,
      packed.map(({ path }) => path),
    );
  }
}

function resolveDirectory(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw new FilesystemError(path, messageOf(error), {
      hint: "Give backup-push the server's data directory, as SHOW data_directory prints it.",
      cause: error,
    });
  }
}

/** The directory must be the one that the server, whose session protects the copy, works in. */
function checkSameCluster(given: string, dataDir: string, server: PostgresSession): ControlFile {
  const { dataDirectory, systemIdentifier } = server.facts;
  if (dataDirectory !== undefined && canonical(dataDirectory) !== dataDir) {
    throw new DatabaseError(
      `Data directory from command line '${given}' is not the same as ` +
        `Postgres' one '${dataDirectory}'`,
      { hint: "Check PGHOST and PGPORT, or name the directory of that server." },
    );
  }
  const control = readControlFile(dataDir);
  if (control.systemIdentifier === systemIdentifier) return control;
  throw new DatabaseError(
    `${dataDir} belongs to system ${control.systemIdentifier}, the server is ${systemIdentifier}`,
    { hint: "Check PGHOST and PGPORT, or name the directory of that server." },
  );
}

/**
 * The checkpoint with which the backup began is in the server's pg_control: a copy of its
 * directory, which has the same identity, lacks it.
 */
async function checkSameCheckpoint(
  dataDir: string,
  start: BackupStart,
  options: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const path = controlFilePath(dataDir);
  const content = await readWholeControlFile(path, options);
  const { redoLsn } = parseControlFile(content, path);
  if (redoLsn >= start.startLsn) return;
  const [own, began] = [formatLsn(redoLsn), formatLsn(start.startLsn)];
  throw new DatabaseError(
    `${dataDir} is not where the server works: its checkpoint is at ${own}, ` +
      `the backup began at ${began}`,
    { hint: "Check PGHOST and PGPORT, or name the directory of that server." },
  );
}

/** A path of the server may be hidden from us (another mount namespace): then it stays as is. */
function canonical(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function measureDirectory(dataDir: string): number {
  let totalBytes = 0;
  const findings = newFindings();
  for (const entry of walkDataDirectory(dataDir, findings)) totalBytes += entry.sizeBytes;
  return totalBytes;
}
