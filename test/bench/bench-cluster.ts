import { lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type PostgresCluster, startCluster } from "../support/postgres-cluster.ts";
import { postgresTool } from "../support/postgres-install.ts";
import { asServer, mustRunAsServer } from "../support/run-as.ts";
import { binaryPath, giveToServers, makeScratch, type ScratchDir } from "../support/scratch.ts";
import type { MeasuredCommand } from "./measure.ts";

/** Equal for every contestant: what a machine of two cores is given. */
export const WORKERS = 2;
export const ZSTD_LEVEL = 3;

/** A cluster with pgbench's tables, and a repository each for tidemark and pgBackRest. */
export class BenchCluster implements AsyncDisposable {
  readonly cluster: PostgresCluster;
  readonly scratch: ScratchDir;

  private constructor(cluster: PostgresCluster, scratch: ScratchDir) {
    this.cluster = cluster;
    this.scratch = scratch;
  }

  /** `scale` 100 is about 1.5 GiB. PostgreSQL 15, since Debian's pgBackRest knows no newer one. */
  static async create(scale: number): Promise<BenchCluster> {
    const scratch = makeScratch("bench");
    const cluster = await startCluster({
      version: "15",
      settings: {
        archive_mode: "on",
        archive_command: "/bin/true",
        max_wal_size: "16GB",
        checkpoint_timeout: "1h",
        autovacuum: "off",
        // Segments stay, to be archived by the benchmark.
        wal_keep_size: "4GB",
        synchronous_commit: "off",
      },
    });
    const bench = new BenchCluster(cluster, scratch);
    for (const name of ["tidemark", "pgbackrest", "spool", "copy"]) bench.emptyFolder(name);
    writeFileSync(bench.path("pgbackrest.conf"), bench.#pgbackrestConfiguration());
    await bench.#run([postgresTool("pgbench"), "-i", "-q", "-s", `${scale}`]);
    await cluster.query("CHECKPOINT");
    await bench.#run(bench.pgbackrest("stanza-create"));
    return bench;
  }

  path(name: string): string {
    return join(this.scratch.path, name);
  }

  /** An empty folder of the servers' account. */
  emptyFolder(name: string): string {
    const path = this.path(name);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
    giveToServers(path);
    return path;
  }

  sizeOf(name: string): number {
    return sizeBelow(this.path(name));
  }

  /** Commands of pgBackRest: process-max, zst and level as for tidemark, the rest as Debian. */
  pgbackrest(...words: readonly string[]): string[] {
    const config = `--config=${this.path("pgbackrest.conf")}`;
    return ["pgbackrest", config, "--stanza=main", ...words];
  }

  tidemark(...words: readonly string[]): MeasuredCommand {
    return {
      argv: asServer([binaryPath(), ...words]),
      env: this.environment,
      cwd: this.cluster.dataDir,
    };
  }

  get environment(): Readonly<Record<string, string>> {
    return {
      ...this.cluster.clientEnvironment,
      TIDEMARK_FILE_PREFIX: this.path("tidemark"),
      TIDEMARK_COMPRESSION_METHOD: "zstd",
    };
  }

  /** Which archiver the server calls: that of the contestant whose turn it is. */
  async archiveWith(contestant: "tidemark" | "pgbackrest" | "nobody"): Promise<void> {
    const settings = `TIDEMARK_FILE_PREFIX=${this.path("tidemark")}`;
    const command = {
      tidemark: `${settings} ${binaryPath()} wal-push %p --quiet`,
      pgbackrest: this.pgbackrest("archive-push", "%p").join(" "),
      nobody: "/bin/true",
    }[contestant];
    await this.cluster.query(`ALTER SYSTEM SET archive_command = '${command}'`);
    await this.cluster.query("SELECT pg_reload_conf()");
  }

  /** pgbench's own transactions for so long. */
  async transactions(seconds: number): Promise<void> {
    const load = ["-n", "-c", "8", "-j", "2", "-T", `${seconds}`];
    await this.#run([postgresTool("pgbench"), ...load]);
  }

  async #run(command: readonly string[]): Promise<void> {
    const env = this.cluster.clientEnvironment;
    await mustRunAsServer(command, { env, timeoutMs: 600_000 });
  }

  #pgbackrestConfiguration(): string {
    return [
      "[global]",
      `repo1-path=${this.path("pgbackrest")}`,
      "repo1-retention-full=99",
      `log-path=${this.path("spool")}`,
      `lock-path=${this.path("spool")}`,
      `spool-path=${this.path("spool")}`,
      `process-max=${WORKERS}`,
      "compress-type=zst",
      `compress-level=${ZSTD_LEVEL}`,
      "start-fast=y",
      "log-level-console=warn",
      "log-level-file=off",
      "[main]",
      `pg1-path=${this.cluster.dataDir}`,
      `pg1-port=${this.cluster.port}`,
      `pg1-socket-path=${this.cluster.socketDir}`,
      "pg1-user=u",
      "pg1-database=postgres",
      "",
    ].join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
    this.scratch[Symbol.dispose]();
  }
}

function sizeBelow(path: string): number {
  const status = lstatSync(path);
  if (!status.isDirectory()) return status.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeBelow(join(path, name)), 0);
}
