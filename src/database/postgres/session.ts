import { defined } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { type Lsn, parseLsn } from "../../delta/lsn.ts";
import {
  formatSegmentName,
  isSegmentName,
  isSegmentSize,
  type SegmentName,
  segmentBefore,
} from "../../wal/segment-name.ts";
import type { ConnectionSettings } from "./connection-settings.ts";
import { WireConnection } from "./wire/connection.ts";
import { DatabaseError } from "./wire/server-error.ts";

export interface SessionOptions {
  readonly connection: ConnectionSettings;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** How often a session with nothing to do asks whether the server is there; 0: never. */
  readonly aliveCheckIntervalMs: number;
  /** After it an unanswered question counts as a lost server. Default 30 s. */
  readonly aliveCheckTimeoutMs?: number;
  /** The end of a backup waits until the server's archiver says that it has the WAL. */
  readonly waitsForArchiver?: boolean;
}

/** What a server says about itself; none of it changes while it runs, but `isInRecovery`. */
export interface ServerFacts {
  /** 170010 is 17.10. */
  readonly versionNumber: number;
  readonly majorVersion: number;
  readonly systemIdentifier: bigint;
  readonly isInRecovery: boolean;
  /** undefined when the user may not see it (neither superuser nor pg_read_all_settings). */
  readonly dataDirectory: string | undefined;
  readonly walSegmentBytes: number;
  readonly blockBytes: number;
  readonly walBlockBytes: number;
  readonly hasDataChecksums: boolean;
  /** wal_log_hints: changes of hint bits are in the WAL also without page checksums. */
  readonly logsHints: boolean;
}

export interface BackupStart {
  readonly startLsn: Lsn;
  readonly timeline: number;
  /** The file that gives the backup its name, by WAL-G's rules. */
  readonly segment: SegmentName;
}

export interface BackupStop {
  readonly stopLsn: Lsn;
  readonly labelFile: string;
  readonly tablespaceMap: string;
}

const VERSION_MIN = 130_000;
const ALIVE_CHECK_TIMEOUT_MS = 30_000;
const INSUFFICIENT_PRIVILEGE = "42501";
const HINT_BACKUP_ROLE =
  "Connect as a superuser, or grant the role EXECUTE on the functions of backups.";

/**
 * An SQL session that can hold a server in backup mode. The mode belongs to the session: whatever
 * ends it, our `dispose`, a crash of ours or a lost network, makes the server leave the mode.
 */
export class PostgresSession implements AsyncDisposable {
  readonly facts: ServerFacts;
  /** Rejects as soon as the server's side is known to be gone, hung or promoted. */
  readonly lost: Promise<never>;
  readonly #connection: WireConnection;
  readonly #options: SessionOptions;
  readonly #stop = new AbortController();
  #startTimeline: number | undefined;

  private constructor(connection: WireConnection, facts: ServerFacts, options: SessionOptions) {
    this.#connection = connection;
    this.#options = options;
    this.facts = facts;
    this.lost = Promise.race([connection.lost, this.#watch()]);
    // Whoever does not look at it must not die of it.
    this.lost.catch(() => {});
  }

  static async open(options: SessionOptions): Promise<PostgresSession> {
    const { signal } = options;
    const connection = await WireConnection.open(options.connection, { signal });
    try {
      const facts = await readFacts(connection, signal);
      // Settings of the role must not end a session that idles while gigabytes are copied.
      const limits = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"];
      if (facts.majorVersion >= 14) limits.push("idle_session_timeout");
      await connection.query(limits.map((name) => `SET ${name} = 0`).join("; "), { signal });
      return new PostgresSession(connection, facts, options);
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Rows as the server's text. */
  async query(sql: string, signal: AbortSignal): Promise<readonly (readonly (string | null)[])[]> {
    return (await this.#connection.query(sql, { signal })).rows;
  }

  /** Rows as they come: for answers of any length. */
  async *rows(sql: string, signal: AbortSignal): AsyncGenerator<readonly (string | null)[]> {
    for await (const event of this.#connection.command(sql, { signal })) {
      if (event.kind === "row") yield event.values;
    }
  }

  /** Settings by name in their base unit; what is unknown or hidden from the user is missing. */
  async showSettings(
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>> {
    const list = names.map(quoteLiteral).join(", ");
    const rows = await this.query(
      `SELECT name, setting FROM pg_settings WHERE name IN (${list})`,
      signal,
    );
    const found = new Map<string, string>();
    for (const [name, setting] of rows) {
      if (typeof name === "string" && typeof setting === "string") found.set(name, setting);
    }
    return found;
  }

  /** The timeline of now: of the WAL that is written, or on a standby of the last restart point. */
  async timeline(signal: AbortSignal): Promise<number> {
    const [row] = await this.query(
      this.facts.isInRecovery
        ? "SELECT timeline_id FROM pg_control_checkpoint()"
        : "SELECT substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)",
      signal,
    );
    return Number.parseInt(text(row, 0, "timeline"), this.facts.isInRecovery ? 10 : 16);
  }

  /** The file with the last byte before `lsn`, on the given timeline. */
  walFileName(lsn: Lsn, timeline: number): SegmentName {
    const { walSegmentBytes } = this.facts;
    return formatSegmentName(segmentBefore(lsn, timeline, walSegmentBytes), walSegmentBytes);
  }

  /** Enters backup mode with a checkpoint at once. */
  async startBackup(label: string, signal: AbortSignal): Promise<BackupStart> {
    const quoted = quoteLiteral(label);
    const call =
      this.facts.majorVersion >= 15
        ? `pg_backup_start(${quoted}, true)`
        : `pg_start_backup(${quoted}, true, false)`;
    const file = this.facts.isInRecovery ? "NULL" : "(pg_walfile_name_offset(lsn)).file_name";
    const [row] = await this.#backupCall(`SELECT lsn, ${file} FROM ${call} AS lsn`, signal);
    const startLsn = parseLsn(text(row, 0, "start LSN"));
    const given = row?.[1];
    // A standby starts at its last restart point, whose timeline pg_control holds.
    const timeline =
      typeof given === "string"
        ? Number.parseInt(given.slice(0, 8), 16)
        : await this.timeline(signal);
    const segment = given ?? this.walFileName(startLsn, timeline);
    if (!isSegmentName(segment)) throw new DatabaseError(`not a WAL file name: ${segment}`);
    this.#startTimeline = timeline;
    return { startLsn, timeline, segment };
  }

  /**
   * Leaves backup mode. It does not wait for the archiver unless the session was told to: whether
   * the WAL is in the repository is looked up there, not believed. `limitMs` undefined or 0, as
   * for the server itself: it may take its time.
   */
  stopBackup(limitMs: number | undefined, signal: AbortSignal): Promise<BackupStop> {
    const timeoutMs = limitMs === 0 ? undefined : limitMs;
    return this.#within(timeoutMs, () => this.#leaveBackupMode(timeoutMs, signal));
  }

  /**
   * Ends the present WAL segment so that the archiver takes it, and names it. undefined when this
   * user may not, or the server is a standby.
   */
  async switchWal(signal: AbortSignal): Promise<SegmentName | undefined> {
    if (this.facts.isInRecovery) return undefined;
    try {
      const [row] = await this.query("SELECT pg_switch_wal()", signal);
      return this.walFileName(parseLsn(text(row, 0, "LSN")), await this.timeline(signal));
    } catch (error) {
      const isDenied = error instanceof DatabaseError && error.sqlState === INSUFFICIENT_PRIVILEGE;
      if (isDenied) return undefined;
      throw error;
    }
  }

  /** Ends the session, and with it backup mode, in whatever state it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#connection.close();
  }

  async #leaveBackupMode(timeoutMs: number | undefined, signal: AbortSignal): Promise<BackupStop> {
    if (timeoutMs !== undefined) {
      await this.query(`SET statement_timeout = ${Math.max(1, Math.ceil(timeoutMs))}`, signal);
    }
    const waits = this.#options.waitsForArchiver === true;
    const call =
      this.facts.majorVersion >= 15
        ? `pg_backup_stop(${waits})`
        : `pg_stop_backup(false, ${waits})`;
    // Hexadecimal, as the paths of tablespaces need not be in the encoding of the client.
    const hex = (name: string) =>
      `encode(convert_to(${name}, getdatabaseencoding()), 'hex') AS ${name}`;
    const [row] = await this.#backupCall(
      `SELECT lsn, ${hex("labelfile")}, ${hex("spcmapfile")} FROM ${call}`,
      signal,
    );
    const stop = {
      stopLsn: parseLsn(text(row, 0, "stop LSN")),
      labelFile: hexText(text(row, 1, "backup label"), "backup_label"),
      tablespaceMap: hexText(row?.[2] ?? "", "tablespace_map"),
    };
    await this.#proveTimeline(stop.labelFile, signal);
    if (timeoutMs !== undefined) await this.query("SET statement_timeout = 0", signal);
    return stop;
  }

  /** The server's own limit does not hold when the network is gone, so ours comes a bit later. */
  async #within<T>(timeoutMs: number | undefined, work: () => Promise<T>): Promise<T> {
    if (timeoutMs === undefined) return work();
    const isOver = new AbortController();
    const limitMs = timeoutMs + (this.#options.aliveCheckTimeoutMs ?? ALIVE_CHECK_TIMEOUT_MS);
    this.#options.clock.sleep(limitMs, isOver.signal).then(
      () => this.#connection.abandon(silentServer(limitMs)),
      () => {},
    );
    try {
      return await work();
    } finally {
      isOver.abort();
    }
  }

  async #backupCall(
    sql: string,
    signal: AbortSignal,
  ): Promise<readonly (readonly (string | null)[])[]> {
    try {
      return await this.query(sql, signal);
    } catch (error) {
      const isDenied = error instanceof DatabaseError && error.sqlState === INSUFFICIENT_PRIVILEGE;
      if (!isDenied) throw error;
      throw new DatabaseError(error.message, {
        report: error.report,
        hint: error.hint ?? HINT_BACKUP_ROLE,
        cause: error,
      });
    }
  }

  /** A backup that began on one timeline and ended on another cannot be restored. */
  async #proveTimeline(labelFile: string, signal: AbortSignal): Promise<void> {
    const started = /^START TIMELINE: (\d+)$/m.exec(labelFile)?.[1];
    const ended = await this.timeline(signal);
    if (this.#startTimeline === Number(started) && this.#startTimeline === ended) return;
    throw new DatabaseError(
      `the timeline changed during the backup: it began on ${this.#startTimeline}, ` +
        `its label says ${started ?? "nothing"}, and the server is on ${ended}`,
      { hint: "The server or its primary was promoted; take a new backup." },
    );
  }

  /** Asks every now and then whether the server is there and still what it was. */
  async #watch(): Promise<never> {
    const { clock, aliveCheckIntervalMs } = this.#options;
    const stopped = this.#stop.signal;
    if (aliveCheckIntervalMs <= 0) return new Promise<never>(() => {});
    for (;;) {
      try {
        await clock.sleep(aliveCheckIntervalMs, stopped);
      } catch {
        return new Promise<never>(() => {});
      }
      if (!this.#connection.isOpen) continue;
      if (this.#connection.isBusy) await this.#checkReachable(stopped);
      else await this.#checkAlive(stopped);
    }
  }

  /**
   * While a command runs, a question would have to wait behind it; so a connection of its own
   * finds out whether the server can be reached. An answer that refuses is an answer.
   */
  async #checkReachable(stopped: AbortSignal): Promise<void> {
    const connectTimeoutMs = this.#options.aliveCheckTimeoutMs ?? ALIVE_CHECK_TIMEOUT_MS;
    const settings = { ...this.#options.connection, connectTimeoutMs };
    try {
      await using _other = await WireConnection.open(settings, { signal: stopped });
    } catch (error) {
      if (stopped.aborted || !(error instanceof DatabaseError)) return;
      if (error.report !== undefined) return;
      this.#connection.abandon(error);
      throw error;
    }
  }

  async #checkAlive(stopped: AbortSignal): Promise<void> {
    const timeoutMs = this.#options.aliveCheckTimeoutMs ?? ALIVE_CHECK_TIMEOUT_MS;
    const limit = new AbortController();
    const waiting = this.#options.clock.sleep(timeoutMs, limit.signal).then(() => {
      throw silentServer(timeoutMs);
    });
    // The race has its outcome; without a race it is nobody's.
    waiting.catch(() => {});
    try {
      const [row] = await Promise.race([
        this.query("SELECT pg_is_in_recovery()", AbortSignal.any([stopped, limit.signal])),
        waiting,
      ]);
      if ((text(row, 0, "state of recovery") === "t") === this.facts.isInRecovery) return;
    } catch (error) {
      if (stopped.aborted) return;
      throw error;
    } finally {
      limit.abort();
    }
    throw new DatabaseError("the server was promoted during the backup", {
      hint: "Take a new backup of the new primary.",
    });
  }
}

function silentServer(timeoutMs: number): DatabaseError {
  return new DatabaseError(`the server did not answer within ${timeoutMs / 1000} s`, {
    hint: "Look at the load of the server and at the network; take a new backup.",
  });
}

async function readFacts(connection: WireConnection, signal: AbortSignal): Promise<ServerFacts> {
  const version = Number(
    text((await connection.query("SHOW server_version_num", { signal })).rows[0], 0, "version"),
  );
  if (!(version >= VERSION_MIN)) {
    throw new DatabaseError(`PostgreSQL ${connection.parameter("server_version")} is too old`, {
      hint: "Version 13 is the oldest that is supported.",
    });
  }
  const { rows } = await connection.query(
    `SELECT s.system_identifier, pg_is_in_recovery(), i.bytes_per_wal_segment,
       i.database_block_size, i.wal_block_size, i.data_page_checksum_version,
       (SELECT setting FROM pg_settings WHERE name = 'data_directory'),
       current_setting('wal_log_hints')
     FROM pg_control_system() s, pg_control_init() i`,
    { signal },
  );
  const row = defined(rows[0], "row of the server's facts");
  const walSegmentBytes = Number(text(row, 2, "segment size"));
  if (!isSegmentSize(walSegmentBytes)) {
    throw new DatabaseError(`the server's WAL segment size is ${walSegmentBytes}`);
  }
  return {
    versionNumber: version,
    majorVersion: Math.trunc(version / 10_000),
    // The server prints its unsigned number as a signed one.
    systemIdentifier: BigInt.asUintN(64, BigInt(text(row, 0, "system identifier"))),
    isInRecovery: row[1] === "t",
    walSegmentBytes,
    blockBytes: Number(text(row, 3, "block size")),
    walBlockBytes: Number(text(row, 4, "WAL block size")),
    hasDataChecksums: Number(text(row, 5, "checksum version")) > 0,
    dataDirectory: row[6] ?? undefined,
    logsHints: row[7] === "on",
  };
}

/** A column that the server never leaves empty. */
function text(row: readonly (string | null)[] | undefined, index: number, what: string): string {
  const value = row?.[index];
  if (typeof value !== "string") throw new DatabaseError(`the server gave no ${what}`);
  return value;
}

function hexText(hex: string, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromHex(hex));
  } catch (error) {
    throw new DatabaseError(`the server's ${what} is not UTF-8`, {
      hint: "Tablespaces need paths in UTF-8.",
      cause: error,
    });
  }
}

/** An SQL literal; backslashes have no meaning under standard_conforming_strings or in E''. */
function quoteLiteral(value: string): string {
  return ` E'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}
