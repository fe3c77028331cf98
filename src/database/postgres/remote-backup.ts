/**
 * A base backup through the replication protocol (the manual's "Streaming Replication Protocol",
 * BASE_BACKUP). The server walks its directory and sends one tar per tablespace:
 *
 * - before 15: each in a copy of its own, in the order of the list of tablespaces, without the two
 *   zero blocks at the end, which are added here;
 * - from 15: all in one copy whose messages begin with a letter: `n` name and tablespace path of
 *   the archive that follows, `d` bytes of it, `p` progress, `m` the manifest (never asked for).
 */
import { defined } from "../../base/assert.ts";
import { type Lsn, parseLsn } from "../../delta/lsn.ts";
import type { ByteStream } from "../../stream/byte-stream.ts";
import { isSegmentSize } from "../../wal/segment-name.ts";
import {
  type CopyMessage,
  column,
  EventReader,
  expectEvent,
  nextCopyMessage,
  readRows,
  unexpected,
} from "./base-backup-events.ts";
import type { ConnectionSettings } from "./connection-settings.ts";
import { WireConnection } from "./wire/connection.ts";
import { DatabaseError } from "./wire/server-error.ts";

export interface RemoteBackupRequest {
  readonly connection: ConnectionSettings;
  readonly label: string;
  /** 32 to 1,048,576; undefined: as fast as it goes. */
  readonly rateMaxKiBPerSecond?: number | undefined;
  /** The server checks pages and fails at the end when one is bad. */
  readonly isVerifiedByServer: boolean;
  /** The server adds its files up before it begins: for progress. */
  readonly isSizeEstimated: boolean;
  /** The server counts as lost when it sends nothing for so long in the copy. Default 2 min. */
  readonly silenceMaxMs?: number | undefined;
  readonly signal: AbortSignal;
}

export interface RemoteTablespace {
  readonly oid: number;
  readonly path: string;
}

/** One tar of the server, complete with its end. To be read before the next is asked for. */
export interface RemoteArchive {
  /** undefined: the data directory itself. */
  readonly tablespace: RemoteTablespace | undefined;
  readonly content: ByteStream;
}

export interface RemoteServerFacts {
  readonly majorVersion: number;
  readonly versionNumber: number;
  readonly systemIdentifier: bigint;
  readonly walSegmentBytes: number;
  /** undefined when the user may not see it (neither superuser nor pg_read_all_settings). */
  readonly dataDirectory: string | undefined;
}

export interface RemoteBackupEnd {
  readonly stopLsn: Lsn;
  readonly timeline: number;
}

const SILENCE_MAX_MS = 120_000;
const VERSION_MIN = 13;
const INSUFFICIENT_PRIVILEGE = "42501";
const VERSION_OF_ONE_COPY = 15;
const TAR_END_BYTES = 1024;
const RATE_MIN_KIB = 32;
const RATE_MAX_KIB = 1_048_576;

/**
 * A running BASE_BACKUP. Disposing it drops the connection, and the server stops. Nothing is read
 * ahead but what the socket buffers: a slow consumer makes the server wait.
 */
export class RemoteBackup implements AsyncDisposable {
  readonly server: RemoteServerFacts;
  readonly startLsn: Lsn;
  readonly timeline: number;
  readonly tablespaces: readonly RemoteTablespace[];
  /** The server's estimate; undefined when it was not asked for. */
  readonly totalBytes: number | undefined;
  /** Rejects when the connection ends by itself. */
  readonly lost: Promise<never>;
  readonly #connection: WireConnection;
  readonly #events: EventReader;
  /** As the server listed them: undefined is the data directory. */
  readonly #order: readonly (RemoteTablespace | undefined)[];

  private constructor(
    connection: WireConnection,
    events: EventReader,
    server: RemoteServerFacts,
    begin: BackupBegin,
  ) {
    this.#connection = connection;
    this.#events = events;
    this.server = server;
    this.lost = connection.lost;
    this.startLsn = begin.startLsn;
    this.timeline = begin.timeline;
    this.totalBytes = begin.totalBytes;
    this.#order = begin.order;
    this.tablespaces = begin.order.filter((tablespace) => tablespace !== undefined);
  }

  /** Starts the backup; resolves after the server's checkpoint. */
  static async begin(request: RemoteBackupRequest): Promise<RemoteBackup> {
    const { signal } = request;
    const connection = await WireConnection.open(request.connection, {
      replication: "physical",
      signal,
    });
    try {
      const server = await readServerFacts(connection, signal);
      const command = baseBackupCommand(request, server.majorVersion);
      const events = new EventReader(connection, connection.command(command, { signal }));
      const begin = await readBegin(events);
      // Only now: the checkpoint before may take its time.
      events.limitSilence(request.silenceMaxMs ?? SILENCE_MAX_MS);
      return new RemoteBackup(connection, events, server, begin);
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** The archives in the server's order, each once; the last is followed by `finish`. */
  archives(): AsyncGenerator<RemoteArchive, void, void> {
    return this.server.majorVersion >= VERSION_OF_ONE_COPY
      ? this.#archivesOfOneCopy()
      : this.#archivesOfManyCopies();
  }

  /** The end of the backup, once all archives are read. */
  async finish(): Promise<RemoteBackupEnd> {
    const [row] = await readRows(this.#events);
    while ((await this.#events.next()) !== undefined);
    return { stopLsn: parseLsn(column(row, 0)), timeline: Number(column(row, 1)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#events.close();
    await this.#connection.close();
  }

  async *#archivesOfManyCopies(): AsyncGenerator<RemoteArchive, void, void> {
    const events = this.#events;
    for (const tablespace of this.#order) {
      expectEvent(await events.next(), "copy-out");
      const progress = { isOver: false };
      const content = async function* (): AsyncGenerator<Uint8Array, void, void> {
        for (;;) {
          const event = await events.next();
          if (event?.kind === "copy-done") break;
          yield expectEvent(event, "copy-data").bytes;
        }
        progress.isOver = true;
        yield new Uint8Array(TAR_END_BYTES);
      };
      yield { tablespace, content: content() };
      expectRead(progress.isOver);
    }
  }

  async *#archivesOfOneCopy(): AsyncGenerator<RemoteArchive, void, void> {
    const events = this.#events;
    expectEvent(await events.next(), "copy-out");
    let name = await nextCopyMessage(events);
    for (let count = 0; name !== undefined; count += 1) {
      if (count >= this.#order.length) throw unexpected("more archives than tablespaces");
      const progress: { isOver: boolean; next: CopyMessage | undefined } = {
        isOver: false,
        next: undefined,
      };
      const content = async function* (): AsyncGenerator<Uint8Array, void, void> {
        for (;;) {
          const message = await nextCopyMessage(events);
          if (message?.kind !== "data") {
            progress.next = message;
            break;
          }
          yield message.bytes;
        }
        progress.isOver = true;
      };
      yield { tablespace: this.#tablespaceOf(name), content: content() };
      expectRead(progress.isOver);
      name = progress.next;
      if (name === undefined && count + 1 < this.#order.length) {
        throw unexpected("fewer archives than tablespaces");
      }
    }
  }

  #tablespaceOf(message: CopyMessage): RemoteTablespace | undefined {
    if (message.kind !== "archive") throw unexpected("data before the first archive");
    if (message.name === "base.tar") return undefined;
    const found = this.tablespaces.find(({ oid }) => `${oid}.tar` === message.name);
    return found ?? this.#unknownArchive(message.name);
  }

  #unknownArchive(name: string): never {
    throw unexpected(`an archive ${JSON.stringify(name)} of no tablespace`);
  }
}

/** What the server says before the first archive. */
interface BackupBegin {
  readonly startLsn: Lsn;
  readonly timeline: number;
  readonly totalBytes: number | undefined;
  readonly order: readonly (RemoteTablespace | undefined)[];
}

async function readServerFacts(
  connection: WireConnection,
  signal: AbortSignal,
): Promise<RemoteServerFacts> {
  const show = async (name: string) => {
    const { rows } = await connection.query(`SHOW ${name}`, { signal });
    return column(rows[0], 0);
  };
  const versionNumber = Number(await show("server_version_num"));
  const majorVersion = Math.trunc(versionNumber / 10_000);
  if (!(majorVersion >= VERSION_MIN)) {
    throw new DatabaseError(`PostgreSQL ${connection.parameter("server_version")} is too old`, {
      hint: `Version ${VERSION_MIN} is the oldest that is supported.`,
    });
  }
  const identity = await connection.query("IDENTIFY_SYSTEM", { signal });
  return {
    versionNumber,
    majorVersion,
    systemIdentifier: BigInt(column(identity.rows[0], 0)),
    walSegmentBytes: segmentBytes(await show("wal_segment_size")),
    dataDirectory: await show("data_directory").catch((error: unknown) => {
      const isDenied = error instanceof DatabaseError && error.sqlState === INSUFFICIENT_PRIVILEGE;
      if (isDenied) return undefined;
      throw error;
    }),
  };
}

/** The server prints `16MB` or `1GB`. */
function segmentBytes(text: string): number {
  const [, count, unit] = /^(\d+)(MB|GB)$/.exec(text) ?? [];
  const sizeBytes = Number(count) * 2 ** (unit === "GB" ? 30 : 20);
  if (isSegmentSize(sizeBytes)) return sizeBytes;
  throw unexpected(`a WAL segment size of ${JSON.stringify(text)}`);
}

function baseBackupCommand(request: RemoteBackupRequest, majorVersion: number): string {
  const rate = request.rateMaxKiBPerSecond;
  if (rate !== undefined && !(rate >= RATE_MIN_KIB && rate <= RATE_MAX_KIB)) {
    throw new RangeError(`a rate of ${rate} KiB/s`);
  }
  const label = `'${request.label.replaceAll("'", "''")}'`;
  if (majorVersion < VERSION_OF_ONE_COPY) {
    return [
      `BASE_BACKUP LABEL ${label} FAST NOWAIT TABLESPACE_MAP`,
      ...(rate === undefined ? [] : [`MAX_RATE ${Math.trunc(rate)}`]),
      ...(request.isVerifiedByServer ? [] : ["NOVERIFY_CHECKSUMS"]),
      ...(request.isSizeEstimated ? ["PROGRESS"] : []),
    ].join(" ");
  }
  const options = [
    `LABEL ${label}`,
    "CHECKPOINT 'fast'",
    "WAIT false",
    "TABLESPACE_MAP true",
    ...(rate === undefined ? [] : [`MAX_RATE ${Math.trunc(rate)}`]),
    `VERIFY_CHECKSUMS ${request.isVerifiedByServer}`,
    `PROGRESS ${request.isSizeEstimated}`,
  ];
  return `BASE_BACKUP (${options.join(", ")})`;
}

async function readBegin(events: EventReader): Promise<BackupBegin> {
  const [start] = await readRows(events);
  const rows = await readRows(events);
  let totalKiB = 0;
  let isSized = true;
  const order = rows.map(([oid, path, sizeKiB]): RemoteTablespace | undefined => {
    if (typeof sizeKiB === "string") totalKiB += Number(sizeKiB);
    else isSized = false;
    if (typeof oid !== "string") return undefined;
    return { oid: Number(oid), path: defined(path, "path of a tablespace") };
  });
  if (order.filter((tablespace) => tablespace === undefined).length !== 1) {
    throw unexpected("a list of tablespaces without the data directory");
  }
  return {
    startLsn: parseLsn(column(start, 0)),
    timeline: Number(column(start, 1)),
    totalBytes: isSized ? totalKiB * 1024 : undefined,
    order,
  };
}

function expectRead(isOver: boolean): void {
  if (!isOver) throw new Error("assertion failed: an archive was left before its end");
}
