import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { readControlFile } from "../../src/database/postgres/control-file.ts";
import { formatLsn } from "../../src/delta/lsn.ts";
import { copyCluster, copyTemplate, makeLocation, tablespacesOf } from "./cluster-copies.ts";
import { adoptDirectory, type PostgresCluster, type ServerSettings } from "./postgres-cluster.ts";
import { describeRun, type RunResult, runAsServer } from "./run-as.ts";
import { binaryPath, giveToServers, makeScratch, type ScratchDir } from "./scratch.ts";
import { needsStandby, type WorkloadPlan } from "./workload-plan.ts";
import { SETUP_SQL } from "./workload-statements.ts";

type Environment = Readonly<Record<string, string>>;

/**
 * The servers of one run of the workload: the one that is the primary now, the standby that may
 * take its place, the repository and the plain archive.
 */
export class WorkloadServer implements AsyncDisposable {
  readonly plan: WorkloadPlan;
  readonly scratch: ScratchDir;
  readonly repoDir: string;
  /** One build for the whole run, whatever is compiled meanwhile. */
  readonly #tool = binaryPath();
  #primary: PostgresCluster | undefined;
  #standby: PostgresCluster | undefined;
  #copies = 0;

  private constructor(plan: WorkloadPlan, scratch: ScratchDir) {
    this.plan = plan;
    this.scratch = scratch;
    this.repoDir = join(scratch.path, "repo");
  }

  static async create(plan: WorkloadPlan): Promise<WorkloadServer> {
    const server = new WorkloadServer(plan, makeScratch("oracle"));
    try {
      await server.#begin();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  get cluster(): PostgresCluster {
    if (this.#primary === undefined) throw new Error("no server");
    return this.#primary;
  }

  get standby(): PostgresCluster {
    if (this.#standby === undefined) throw new Error("no standby");
    return this.#standby;
  }

  get #archiveDir(): string {
    return join(this.scratch.path, "archive");
  }

  /** What every program that uses the repository is given. */
  get environment(): Environment {
    return {
      WALG_FILE_PREFIX: this.repoDir,
      WALG_USE_WAL_DELTA: "true",
      WALG_DELTA_MAX_STEPS: "7",
      WALG_COMPRESSION_METHOD: "zstd",
      // Nobody pulls the plug: what lies in the page cache is what counts.
      WALG_TAR_DISABLE_FSYNC: "true",
    };
  }

  /** Another server takes over; the old one's folder stays until the end. */
  async replace(cluster: PostgresCluster): Promise<void> {
    const old = this.#primary;
    this.#primary = cluster;
    if (cluster === this.#standby) this.#standby = undefined;
    await old?.[Symbol.asyncDispose]();
  }

  /** A path in the scratch folder that nothing has yet. */
  newPath(label: string): string {
    this.#copies += 1;
    return join(this.scratch.path, `${label}-${this.#copies}`);
  }

  adopt(dataDir: string, settings: ServerSettings = {}): Promise<PostgresCluster> {
    const { version } = this.plan;
    return adoptDirectory({ dataDir, version, settings, env: this.environment });
  }

  /** A server on a restored directory that recovers from the archive, and is promoted. */
  async recover(dataDir: string, settings: ServerSettings): Promise<PostgresCluster> {
    const cluster = await this.#recovering(dataDir, "recovery.signal", settings);
    try {
      await cluster.start();
      await cluster.waitUntilPromoted();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * A server on a restored directory that has replayed all that the stopped primary wrote, to its
   * last record. It stays a standby: as such it writes nothing of its own into pages.
   */
  async replay(dataDir: string): Promise<PostgresCluster> {
    const { checkpointLsn } = readControlFile(this.cluster.dataDir);
    const wal = join(this.cluster.dataDir, "pg_wal");
    for (const name of readdirSync(wal).filter((file) => /^[0-9A-F]{24}$/.test(file))) {
      copyFileSync(join(wal, name), join(this.#archiveDir, name));
      giveToServers(join(this.#archiveDir, name));
    }
    const cluster = await this.#recovering(dataDir, "standby.signal", {});
    try {
      await cluster.start();
      const isOver = `SELECT pg_last_wal_replay_lsn() > '${formatLsn(checkpointLsn)}'`;
      await cluster.waitUntil("it has replayed all", async () => {
        return (await cluster.value(isOver)) === "t";
      });
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  #recovering(dataDir: string, signal: string, settings: ServerSettings) {
    writeFileSync(join(dataDir, signal), "");
    const command = `cp ${this.#archiveDir}/%f %p`;
    return this.adopt(dataDir, { restore_command: command, archive_mode: "off", ...settings });
  }

  /** Runs the compiled program as the servers' account. */
  run(args: readonly string[], settings: Environment = {}): Promise<RunResult> {
    const env = { ...this.cluster.clientEnvironment, ...this.environment, ...settings };
    return runAsServer([this.#tool, ...args], { env });
  }

  async mustRun(args: readonly string[], settings: Environment = {}): Promise<RunResult> {
    const result = await this.run(args, settings);
    if (result.exitCode !== 0) throw new Error(describeRun(args, result));
    return result;
  }

  /** backup-fetch into a new folder, tablespaces beside it. */
  async fetch(backup: string, args: readonly string[] = []): Promise<string> {
    const target = this.newPath("restored");
    const tablespaces = [...tablespacesOf(this.cluster.dataDir).keys()];
    const places = tablespaces.map((oid) => {
      const loc = `${target}-ts-${oid}`;
      return [oid, { loc, link: `pg_tblspc/${oid}` }] as const;
    });
    const spec = { base_prefix: target, tablespaces, ...Object.fromEntries(places) };
    const specPath = `${target}.json`;
    writeFileSync(specPath, JSON.stringify(spec));
    giveToServers(specPath);
    await this.mustRun(["backup-fetch", target, backup, "--restore-spec", specPath, ...args]);
    return target;
  }

  /** Removes a restored directory and its tablespaces. */
  discard(dataDir: string): void {
    for (const location of tablespacesOf(dataDir).values()) rmSync(location, { recursive: true });
    rmSync(dataDir, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#standby?.[Symbol.asyncDispose]();
    await this.#primary?.[Symbol.asyncDispose]();
    this.scratch[Symbol.dispose]();
  }

  async #begin(): Promise<void> {
    for (const dir of [this.repoDir, this.#archiveDir]) {
      mkdirSync(dir);
      giveToServers(dir);
    }
    const dataDir = join(this.scratch.path, "data");
    await copyTemplate(this.plan, dataDir, this.#configuration());
    this.#primary = await this.adopt(dataDir);
    await this.#primary.start();
    for (const name of ["ts1", "ts2"]) {
      const location = makeLocation(join(this.scratch.path, name));
      await this.#primary.query(`CREATE TABLESPACE ${name} LOCATION '${location}'`);
    }
    for (const sql of SETUP_SQL) await this.#primary.query(sql);
    if (this.plan.events.some(needsStandby)) await this.#addStandby(this.#primary);
  }

  async #addStandby(primary: PostgresCluster): Promise<void> {
    await primary.stop();
    const copy = this.newPath("standby");
    copyCluster(primary.dataDir, copy);
    await primary.start();
    follow(copy, primary);
    this.#standby = await this.adopt(copy);
    await this.#standby.start();
  }

  #configuration(): string {
    const { version, walLogHints } = this.plan;
    const archive = `cp %p ${this.#archiveDir}/%f && ${this.#tool} wal-push %p`;
    return [
      "wal_level = replica",
      "archive_mode = on",
      `archive_command = '${archive}'`,
      `wal_log_hints = ${walLogHints ? "on" : "off"}`,
      "max_prepared_transactions = 20",
      "wal_keep_size = '1GB'",
      "checkpoint_timeout = '1h'",
      "max_wal_size = '4GB'",
      "wal_retrieve_retry_interval = '100ms'",
      "restart_after_crash = off",
      // What writes pages at moments of its own would make runs of a seed differ.
      "autovacuum = off",
      "bgwriter_lru_maxpages = 0",
      ...(Number(version) >= 17 ? ["summarize_wal = on"] : []),
    ].join("\n");
  }
}

/** Makes a stopped cluster a standby of the other. */
export function follow(dataDir: string, primary: PostgresCluster): void {
  const { PGHOST, PGPORT, PGUSER } = primary.clientEnvironment;
  const address = `host=${PGHOST} port=${PGPORT} user=${PGUSER}`;
  appendFileSync(
    join(dataDir, "postgresql.auto.conf"),
    `primary_conninfo = '${address}'\nrecovery_target_timeline = 'latest'\n`,
  );
  const signal = join(dataDir, "standby.signal");
  writeFileSync(signal, "");
  giveToServers(signal);
}
