import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ConnectionSettings } from "../../src/database/postgres/connection-settings.ts";
import { WireConnection } from "../../src/database/postgres/wire/connection.ts";
import { freePort } from "./free-port.ts";
import { type PostgresVersion, postgresBinDir } from "./postgres-install.ts";
import { descendants, isAlive, killIfThere } from "./process-tree.ts";
import { asServer, mustRunAsServer } from "./run-as.ts";
import { giveTreeToServers, makeScratch, type ScratchDir } from "./scratch.ts";
import { aheadProcesses, aheadSettled } from "./wal-ahead.ts";

export type ServerSettings = Readonly<Record<string, string | number | boolean>>;

export interface ClusterOptions {
  readonly version: PostgresVersion;
  /** `initdb --wal-segsize`; default 16. */
  readonly walSegmentMiB?: number;
  /** Page checksums; default true. */
  readonly checksums?: boolean;
  /** Lines of postgresql.conf. */
  readonly settings?: ServerSettings;
  /** Turns archiving on with this command. */
  readonly archive?: { readonly command: string };
  readonly initdbArgs?: readonly string[];
  /** Environment of the server, and so of `archive_command` and `restore_command`. */
  readonly env?: Readonly<Record<string, string>>;
  /** `fsync = on`; default off. */
  readonly isDurable?: boolean;
  /** false: the cluster is made and not started. */
  readonly isStarted?: boolean;
}

export interface AdoptOptions {
  readonly dataDir: string;
  readonly version: PostgresVersion;
  /** Given on the command line: files of the directory stay as restored. */
  readonly settings?: ServerSettings;
  readonly env?: Readonly<Record<string, string>>;
  /** `fsync = on`; default off. */
  readonly isDurable?: boolean;
}

/** The superuser that every cluster of the tests has. */
export const SUPERUSER = "u";

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;
const POLL_MS = 20;

/** Makes a cluster with initdb and starts it. */
export async function startCluster(options: ClusterOptions): Promise<PostgresCluster> {
  const scratch = makeScratch(`pg${options.version}`);
  try {
    const dataDir = join(scratch.path, "data");
    await mustRunAsServer([
      join(postgresBinDir(options.version), "initdb"),
      `--pgdata=${dataDir}`,
      `--username=${SUPERUSER}`,
      "--auth=trust",
      "--encoding=UTF8",
      "--locale=C",
      "--no-sync",
      `--wal-segsize=${options.walSegmentMiB ?? 16}`,
      ...checksumArguments(options),
      ...(options.initdbArgs ?? []),
    ]);
    const archive: ServerSettings =
      options.archive === undefined
        ? {}
        : { archive_mode: "on", archive_command: options.archive.command };
    const settings = { wal_level: "replica", ...archive, ...options.settings };
    appendFileSync(join(dataDir, "postgresql.conf"), configurationText(settings));
    const cluster = new PostgresCluster(scratch, {
      dataDir,
      version: options.version,
      env: options.env ?? {},
      isDurable: options.isDurable ?? false,
      port: await freePort(),
    });
    if (options.isStarted !== false) await cluster.start();
    return cluster;
  } catch (error) {
    scratch[Symbol.dispose]();
    throw error;
  }
}

/**
 * Takes a directory that was restored or copied, gives it to the servers' account, and makes it a
 * cluster that can be started. The directory itself is left when the cluster is disposed.
 */
export async function adoptDirectory(options: AdoptOptions): Promise<PostgresCluster> {
  giveTreeToServers(options.dataDir);
  return new PostgresCluster(makeScratch(`pg${options.version}a`), {
    dataDir: options.dataDir,
    version: options.version,
    env: options.env ?? {},
    isDurable: options.isDurable ?? false,
    port: await freePort(),
    settings: options.settings ?? {},
  });
}

interface ClusterFacts {
  readonly dataDir: string;
  readonly version: PostgresVersion;
  readonly env: Readonly<Record<string, string>>;
  readonly isDurable: boolean;
  readonly port: number;
  readonly settings?: ServerSettings;
}

/** A PostgreSQL server of a test. Disposing it stops the server and removes its scratch folder. */
export class PostgresCluster implements AsyncDisposable {
  readonly dataDir: string;
  readonly version: PostgresVersion;
  readonly port: number;
  /** Folder of the Unix socket: a value for PGHOST. */
  readonly socketDir: string;
  readonly #scratch: ScratchDir;
  readonly #facts: ClusterFacts;
  #server: Bun.Subprocess | undefined;
  #connection: WireConnection | undefined;

  constructor(scratch: ScratchDir, facts: ClusterFacts) {
    this.#scratch = scratch;
    this.#facts = facts;
    this.dataDir = facts.dataDir;
    this.version = facts.version;
    this.port = facts.port;
    this.socketDir = scratch.path;
  }

  /** PGHOST and its like for child processes: the Unix socket, the superuser. */
  get clientEnvironment(): Readonly<Record<string, string>> {
    return {
      PGHOST: this.socketDir,
      PGPORT: `${this.port}`,
      PGUSER: SUPERUSER,
      PGDATABASE: "postgres",
    };
  }

  /** The same for our own client. */
  get connectionSettings(): ConnectionSettings {
    return {
      endpoints: [{ host: this.socketDir, port: this.port }],
      user: SUPERUSER,
      database: "postgres",
      applicationName: "tidemark-test",
      connectTimeoutMs: 20_000,
      tls: {
        mode: "disable",
        certificatePath: undefined,
        keyPath: undefined,
        rootCertificatePath: undefined,
      },
      password: () => undefined,
    };
  }

  get isRunning(): boolean {
    const server = this.#server;
    return server !== undefined && server.exitCode === null && server.signalCode === null;
  }

  /** The server's process id. */
  get processId(): number {
    if (this.#server === undefined) throw new Error(`${this.dataDir}: never started`);
    return this.#server.pid;
  }

  /**
   * Starts the server and waits until it takes connections (in recovery: until it is consistent).
   * A server that ends instead is an error that holds its log.
   */
  async start(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.launch();
    await this.waitUntil("the server takes connections", () => this.#isReady(), options.timeoutMs);
  }

  /** Starts the server without waiting: for starts that are meant to fail (`exited`). */
  launch(): void {
    if (this.isRunning) throw new Error(`${this.dataDir}: runs already`);
    const settings: ServerSettings = {
      listen_addresses: "127.0.0.1",
      unix_socket_directories: this.socketDir,
      port: this.port,
      fsync: this.#facts.isDurable,
      shared_buffers: "32MB",
      logging_collector: false,
      ...this.#facts.settings,
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const postgres = join(postgresBinDir(this.version), "postgres");
    // The log is opened before the identity is given up, and only appended to.
    const logged = ["sh", "-c", 'exec "$@" >>"$0" 2>&1', this.#logPath];
    const command = [...logged, ...asServer([postgres, "-D", this.dataDir, ...flags])];
    this.#server = Bun.spawn(command, {
      cwd: "/",
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", ...this.#facts.env },
      stdio: ["ignore", "ignore", "ignore"],
    });
  }

  /** The exit code of the server once it has ended; 128 + signal where one ended it. */
  get exited(): Promise<number> {
    if (this.#server === undefined) throw new Error(`${this.dataDir}: never started`);
    return this.#server.exited;
  }

  /** Rows as text, by our own client and as the superuser. The last statement's result counts. */
  async query(sql: string): Promise<readonly (readonly (string | null)[])[]> {
    if (this.#connection?.isOpen !== true) this.#connection = await this.connect();
    const { rows } = await this.#connection.query(sql, { signal: AbortSignal.timeout(120_000) });
    return rows;
  }

  /** The first value of the first row. */
  async value(sql: string): Promise<string> {
    const value = (await this.query(sql))[0]?.[0];
    if (value === undefined || value === null) throw new Error(`no value: ${sql}`);
    return value;
  }

  /** A connection of the caller's own. */
  async connect(change: Partial<ConnectionSettings> = {}): Promise<WireConnection> {
    const settings = { ...this.connectionSettings, ...change };
    return WireConnection.open(settings, { signal: AbortSignal.timeout(20_000) });
  }

  /** Stops the server: `smart`, `fast` (default) or `immediate`. */
  async stop(mode: "smart" | "fast" | "immediate" = "fast"): Promise<void> {
    if (!this.isRunning) return;
    const closing = this.#connection?.close();
    this.#connection = undefined;
    await closing;
    const signals = { smart: "SIGTERM", fast: "SIGINT", immediate: "SIGQUIT" } as const;
    this.#server?.kill(signals[mode]);
    await this.#waitForExit(`it stops (${mode})`);
    // What stores WAL ahead ends soon after its server; until then it writes to the repository.
    await aheadSettled(this.#walDir);
  }

  /** The power cord: SIGKILL for the server and every process of it. */
  async kill9(): Promise<void> {
    if (!this.isRunning) return;
    const ahead = aheadProcesses(this.#walDir);
    const processes = [this.processId, ...descendants(this.processId), ...ahead];
    for (const processId of processes) killIfThere(processId);
    await this.#waitForExit("it is dead");
    await this.#waitUntilGone(processes);
    this.#connection = undefined;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Waits until recovery is over and the server takes writes. */
  async waitUntilPromoted(timeoutMs = START_TIMEOUT_MS): Promise<void> {
    await this.waitUntil(
      "recovery ends",
      async () => (await this.value("SELECT pg_is_in_recovery()")) === "f",
      timeoutMs,
    );
  }

  /** Polls a claim while the server runs; fails with the server's log when it ends or is late. */
  async waitUntil(
    claim: string,
    holds: () => boolean | Promise<boolean>,
    timeoutMs = START_TIMEOUT_MS,
    options: { readonly mayEnd?: boolean } = {},
  ): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!(await holds())) {
      const isOver = !this.isRunning && options.mayEnd !== true;
      if (isOver || performance.now() > deadline) {
        const how = isOver ? "the server ended" : `not within ${timeoutMs} ms`;
        throw new Error(`PostgreSQL ${this.version}: ${claim}: ${how}\n${this.#logTail()}`);
      }
      await Bun.sleep(POLL_MS);
    }
  }

  /** All that the server has logged since it was made. */
  logText(): string {
    return existsSync(this.#logPath) ? readFileSync(this.#logPath, "utf8") : "";
  }

  /** Tables like pgbench's, of about `rows` accounts (100,000 are 13 MB), and a checkpoint. */
  async loadBench(rows: number): Promise<void> {
    await this.query(`
      CREATE TABLE bench_branches (bid int PRIMARY KEY, bbalance int, filler char(88));
      CREATE TABLE bench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
      CREATE TABLE bench_history (aid int, delta int, mtime timestamptz DEFAULT now());
      INSERT INTO bench_branches SELECT i, 0, '' FROM generate_series(1, 10) i;
      INSERT INTO bench_accounts SELECT i, i % 10 + 1, 0, md5(i::text)
        FROM generate_series(1, ${rows}) i;
      ANALYZE`);
    await this.query("CHECKPOINT");
  }

  /** So many updates of random rows and lines of history, in one transaction each hundred. */
  async changeBench(changes: number): Promise<void> {
    await this.query(`
      DO $$
      DECLARE
        rows int := (SELECT max(aid) FROM bench_accounts);
        chosen int;
      BEGIN
        FOR i IN 1..${changes} LOOP
          chosen := 1 + floor(random() * rows);
          UPDATE bench_accounts SET abalance = abalance + i WHERE aid = chosen;
          INSERT INTO bench_history (aid, delta) VALUES (chosen, i);
          IF i % 100 = 0 THEN COMMIT; END IF;
        END LOOP;
      END $$`);
  }

  /** Ends the present WAL segment, so that it is archived; its name. */
  async switchWal(): Promise<string> {
    return this.value(`
      SELECT pg_logical_emit_message(false, 'tidemark', 'switch');
      SELECT pg_walfile_name(pg_switch_wal())`);
  }

  /** Waits until the archiver has archived this segment or a later one. */
  async waitUntilArchived(segment: string, timeoutMs = START_TIMEOUT_MS): Promise<void> {
    await this.waitUntil(
      `${segment} is archived`,
      async () => {
        const rows = await this.query("SELECT last_archived_wal FROM pg_stat_archiver");
        return (rows[0]?.[0] ?? "") >= segment;
      },
      timeoutMs,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // An archive command outlives its server, and would make its repository anew.
    const processes = this.isRunning ? descendants(this.processId) : [];
    await this.stop("immediate");
    for (const processId of processes) killIfThere(processId);
    await this.#waitUntilGone(processes);
    const ahead = aheadProcesses(this.#walDir);
    for (const processId of ahead) killIfThere(processId);
    await this.#waitUntilGone(ahead);
    this.#scratch[Symbol.dispose]();
  }

  async #waitUntilGone(processes: readonly number[]): Promise<void> {
    const areGone = () => !processes.some(isAlive);
    const options = { mayEnd: true };
    await this.waitUntil("its processes are gone", areGone, STOP_TIMEOUT_MS, options);
  }

  get #walDir(): string {
    return join(this.dataDir, "pg_wal");
  }

  get #logPath(): string {
    return join(this.#scratch.path, "server.log");
  }

  /** The eighth line of postmaster.pid is what pg_ctl goes by as well. */
  #isReady(): boolean {
    const path = join(this.dataDir, "postmaster.pid");
    if (!existsSync(path)) return false;
    const lines = readFileSync(path, "utf8").split("\n");
    const isOurs = Number(lines[0]) === this.processId;
    return isOurs && ["ready", "standby"].includes((lines[7] ?? "").trim());
  }

  async #waitForExit(claim: string): Promise<void> {
    const late = AbortSignal.timeout(STOP_TIMEOUT_MS);
    const { promise, reject } = Promise.withResolvers<never>();
    late.addEventListener("abort", () => reject(new Error(`PostgreSQL: ${claim}: too late`)));
    await Promise.race([this.exited, promise]);
  }

  #logTail(): string {
    return this.logText().split("\n").slice(-40).join("\n");
  }
}

function checksumArguments(options: ClusterOptions): string[] {
  if (options.checksums !== false) return ["--data-checksums"];
  // On by default since 18, which is also the first to know the opposite.
  return Number(options.version) >= 18 ? ["--no-data-checksums"] : [];
}

function configurationText(settings: ServerSettings): string {
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'`,
  );
  return `\n${lines.join("\n")}\n`;
}
