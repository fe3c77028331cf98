import { type BackupName, formatPostgresBackupName } from "../../catalog/backup-name.ts";
import { formatLsn } from "../../delta/lsn.ts";
import { formatSegmentName, segmentAt } from "../../wal/segment-name.ts";
import type { BackupPart, BackupRequest, BackupSession, StoredFacts } from "../adapter.ts";
import { ArchiveSplitter, type SplitPart } from "./archive-splitter.ts";
import { describeBackup } from "./backup-documents.ts";
import type { PostgresBackupOptions } from "./backup-options.ts";
import { FilesMetadataWriter } from "./files-metadata-writer.ts";
import { checkServersJournal, firstJournalOf, journalBetween } from "./journal-needs.ts";
import { smallPart } from "./label-part.ts";
import { RemoteBackup, type RemoteBackupEnd } from "./remote-backup.ts";
import { PostgresSession } from "./session.ts";
import { DatabaseError } from "./wire/server-error.ts";

const LABEL = "tidemark";

/** Begins a backup through the replication protocol: the server reads its own files. */
export async function beginStreamedBackup(
  options: PostgresBackupOptions,
  request: BackupRequest,
): Promise<BackupSession> {
  const startedAt = options.clock.now();
  const remote = await RemoteBackup.begin({
    connection: options.connection,
    label: LABEL,
    // The server would fail the whole backup at its end for one bad page.
    isVerifiedByServer: false,
    isSizeEstimated: true,
    signal: request.signal,
  });
  options.log.info(`backup started at LSN ${formatLsn(remote.startLsn)} on ${remote.timeline}`);
  try {
    const firstJournal = await provableJournal(options, remote, request.signal);
    return new StreamedBackup(options, request, remote, { startedAt, firstJournal });
  } catch (error) {
    await remote[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * A replication session can end no WAL file; an ordinary one beside it can, where the user may have
 * one. Without it archiving is proven at the end, as always.
 */
async function provableJournal(
  options: PostgresBackupOptions,
  remote: RemoteBackup,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { connection, clock, aliveCheckIntervalMs, log } = options;
  const { startLsn, timeline, server } = remote;
  try {
    await using session = await PostgresSession.open({
      connection,
      clock,
      aliveCheckIntervalMs,
      signal,
    });
    // Several hosts may be given: this must be the one that sends.
    if (session.facts.systemIdentifier !== server.systemIdentifier) return undefined;
    const segment = segmentAt(startLsn, timeline, server.walSegmentBytes);
    const name = formatSegmentName(segment, server.walSegmentBytes);
    return await firstJournalOf(session, { startLsn, timeline, segment: name }, { log, signal });
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    log.debug(`no SQL session beside the replication session: ${error.message}`);
    log.info("archiving is proven at the end of the backup");
    return undefined;
  }
}

class StreamedBackup implements BackupSession {
  readonly name: BackupName;
  readonly lost: Promise<never>;
  readonly totalBytes: number | undefined;
  readonly firstJournal: string | undefined;
  readonly #options: PostgresBackupOptions;
  readonly #request: BackupRequest;
  readonly #remote: RemoteBackup;
  readonly #startedAt: Date;
  readonly #filesMetadata: FilesMetadataWriter | undefined;
  readonly #splitter: ArchiveSplitter;
  readonly #input: AsyncGenerator<void, void, void>;
  #controlBytes = 0;
  #end: RemoteBackupEnd | undefined;

  constructor(
    options: PostgresBackupOptions,
    request: BackupRequest,
    remote: RemoteBackup,
    begin: { readonly startedAt: Date; readonly firstJournal: string | undefined },
  ) {
    this.#options = options;
    this.#request = request;
    this.#remote = remote;
    this.#startedAt = begin.startedAt;
    this.firstJournal = begin.firstJournal;
    const { walSegmentBytes } = remote.server;
    const segment = segmentAt(remote.startLsn, remote.timeline, walSegmentBytes);
    this.name = formatPostgresBackupName(formatSegmentName(segment, walSegmentBytes), undefined);
    this.lost = remote.lost;
    this.totalBytes = remote.totalBytes;
    const { zone, writesFilesMetadata } = options;
    this.#filesMetadata = writesFilesMetadata ? new FilesMetadataWriter({ zone }) : undefined;
    this.#splitter = new ArchiveSplitter(options.thresholdBytes, (header) => {
      this.#filesMetadata?.addFile(header.name, {
        isIncremented: false,
        isSkipped: false,
        mtimeNs: BigInt(header.modifiedAtSeconds) * 1_000_000_000n,
        corruptBlocks: undefined,
        updatesCount: 0n,
        mark: undefined,
      });
    });
    this.#input = this.#pump();
  }

  /** There is one stream, so a part is given out when the one before it has been read. */
  async *parts(): AsyncGenerator<BackupPart> {
    for (let number = 1; ; number += 1) {
      while (this.#splitter.parts.length === 0) {
        if ((await this.#input.next()).done === true) return;
      }
      const part = this.#splitter.parts.shift();
      if (part === undefined) return;
      const read = Promise.withResolvers<boolean>();
      yield {
        name: `tar_partitions/part_${String(number).padStart(3, "0")}.tar`,
        source: {
          sizeBytes: undefined,
          replayable: false,
          open: () => this.#read(part, read.resolve),
        },
        entries: () => part.entries,
      };
      if (!(await this.#unlessAborted(read.promise))) return;
    }
  }

  async finish(): Promise<readonly BackupPart[]> {
    this.#end = await this.#remote.finish();
    const { timeline } = this.#end;
    if (timeline !== this.#remote.timeline) {
      throw new DatabaseError(
        `the timeline changed during the backup, from ${this.#remote.timeline} to ${timeline}`,
        { hint: "The server or its primary was promoted; take a new backup." },
      );
    }
    const { control } = this.#splitter;
    if (control === undefined) throw new DatabaseError("the server sent no global/pg_control");
    const { header, content } = control;
    this.#controlBytes = content.byteLength;
    return [smallPart("pg_control.tar", [{ ...header, content }])];
  }

  journalNeeded(): readonly string[] {
    const { startLsn, timeline, server } = this.#remote;
    const { walSegmentBytes } = server;
    return journalBetween(startLsn, this.#ended().stopLsn, { timeline, walSegmentBytes });
  }

  checkJournal(name: string, head: Uint8Array): void {
    checkServersJournal(name, head, this.#remote.server);
  }

  async describe(stored: StoredFacts) {
    const { server, tablespaces, startLsn } = this.#remote;
    const dataDir = server.dataDirectory ?? "";
    return describeBackup({
      startedAt: this.#startedAt,
      finishedAt: this.#options.clock.now(),
      increment: undefined,
      startLsn,
      finishLsn: this.#ended().stopLsn,
      pgVersion: server.versionNumber,
      pageGuard: undefined,
      systemIdentifier: server.systemIdentifier,
      hostname: this.#options.hostname,
      dataDir,
      isPermanent: this.#request.isPermanent,
      userData: this.#request.userData,
      uncompressedBytes: this.#splitter.plainBytes + this.#controlBytes,
      compressedBytes: stored.storedBytes,
      dataCatalogBytes: 0,
      tablespaces: {
        basePrefix: dataDir,
        tablespaces: tablespaces.map(({ oid, path }) => ({
          name: String(oid),
          location: path,
          link: `pg_tblspc/${oid}`,
        })),
      },
      filesMetadata: this.#filesMetadata?.finish(stored.partSuffix),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remote[Symbol.asyncDispose]();
  }

  #ended(): RemoteBackupEnd {
    if (this.#end === undefined) throw new Error("assertion failed: the backup has not ended");
    return this.#end;
  }

  /** Takes the server's bytes into the splitter, one message at each step. */
  async *#pump(): AsyncGenerator<void, void, void> {
    const splitter = this.#splitter;
    for await (const archive of this.#remote.archives()) {
      const { tablespace } = archive;
      const prefix = tablespace === undefined ? "" : `pg_tblspc/${tablespace.oid}/`;
      splitter.beginArchive(prefix, `the server's tar of ${prefix === "" ? "data" : prefix}`);
      for await (const chunk of archive.content) {
        splitter.push(chunk);
        yield;
      }
      splitter.endArchive();
      yield;
    }
  }

  /** A part that nobody will read, as the backup has failed, must not be waited for. */
  async #unlessAborted(read: Promise<boolean>): Promise<boolean> {
    const { signal } = this.#request;
    const { promise: aborted, resolve } = Promise.withResolvers<boolean>();
    const onAbort = () => resolve(false);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort);
    try {
      return await Promise.race([read, aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Tells at its end whether the part was read to its last byte. */
  async *#read(part: SplitPart, onEnd: (isRead: boolean) => void): AsyncGenerator<Uint8Array> {
    let isRead = false;
    try {
      for (;;) {
        for (let chunk = part.chunks.shift(); chunk !== undefined; chunk = part.chunks.shift()) {
          yield chunk;
        }
        isRead = part.isComplete;
        if (isRead) return;
        if ((await this.#input.next()).done === true && !part.isComplete) {
          throw new DatabaseError("the server's stream ended in the middle of a part");
        }
      }
    } finally {
      onEnd(isRead);
    }
  }
}
