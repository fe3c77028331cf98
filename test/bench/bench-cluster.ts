import { lstatSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type PostgresCluster,
  type ServerSettings,
  startCluster,
} from "../support/postgres-cluster.ts";
import { postgresTool } from "../support/postgres-install.ts";
import { asServer, mustRunAsServer } from "../support/run-as.ts";
import { binaryPath, giveToServers, makeScratch, type ScratchDir } from "../support/scratch.ts";
import type { MeasuredCommand } from "./measure.ts";

/** Equal for every contestant: what a machine of two cores is given. */
export const WORKERS = 2;
export const ZSTD_LEVEL = 3;

/** Repositories of pgBackRest, each with a configuration of its own. */
const PGBACKREST = {
  pgbackrest: [],
  bundles: ["repo1-bundle=y"],
  blocks: ["repo1-bundle=y", "repo1-block=y", "beta=y"],
} as const;
export type PgbackrestRepository = keyof typeof PGBACKREST;

export interface BenchClusterOptions {
  /** 100 is about 1.5 GiB. */
  readonly scale: number;
  /** Default 15, since Debian's pgBackRest knows no newer one. */
  readonly version?: "15" | "17";
  readonly settings?: ServerSettings;
  /** In percent: room for changed rows beside the old ones. Default 100. */
  readonly fillFactor?: number;
}

/** A cluster with pgbench's tables, and a repository each for tidemark and pgBackRest. */
export class BenchCluster implements AsyncDisposable {
  readonly cluster: PostgresCluster;
  readonly scratch: ScratchDir;
  #targets = 0;

  private constructor(cluster: PostgresCluster, scratch: ScratchDir) {
    this.cluster = cluster;
    this.scratch = scratch;
  }

  static async create(options: BenchClusterOptions): Promise<BenchCluster> {
    const { scale, version = "15", settings = {}, fillFactor = 100 } = options;
    const scratch = makeScratch("bench");
    const cluster = await startCluster({
      version,
      settings: {
        archive_mode: "on",
        archive_command: "/bin/true",
        max_wal_size: "16GB",
        checkpoint_timeout: "1h",
        autovacuum: "off",
        // Segments stay, to be archived by the benchmark.
        wal_keep_size: "4GB",
        synchronous_commit: "off",
        ...settings,
      },
    });
    const bench = new BenchCluster(cluster, scratch);
    for (const name of ["tidemark", "spool", "copy"]) bench.emptyFolder(name);
    const load = ["-i", "-q", "-s", `${scale}`, "-F", `${fillFactor}`];
    await bench.#run([postgresTool("pgbench"), ...load]);
    await cluster.query("CHECKPOINT");
    if (version === "15") await bench.createStanza("pgbackrest");
    return bench;
  }

  /** Makes one of pgBackRest's repositories. */
  async createStanza(repository: PgbackrestRepository): Promise<void> {
    this.emptyFolder(repository);
    const configuration = this.#pgbackrestConfiguration(repository);
    writeFileSync(this.path(`${repository}.conf`), configuration);
    await this.#run(this.pgbackrestIn(repository, "stanza-create"));
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

  /**
   * A path for the next restore, with nothing there. Earlier targets are emptied and not removed:
   * ext4 makes files slowly for minutes after many were deleted.
   */
  newTarget(): string {
    if (this.#targets === 0) this.emptyFolder("restored");
    emptyFiles(this.path("restored"));
    this.#targets += 1;
    return join(this.emptyFolder(`restored/${this.#targets}`), "data");
  }

  sizeOf(name: string): number {
    return sizeBelow(this.path(name));
  }

  /** Commands of pgBackRest: process-max, zst and level as for tidemark, the rest as Debian. */
  pgbackrest(...words: readonly string[]): string[] {
    return this.pgbackrestIn("pgbackrest", ...words);
  }

  pgbackrestIn(repository: PgbackrestRepository, ...words: readonly string[]): string[] {
    const config = `--config=${this.path(`${repository}.conf`)}`;
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
  async archiveWith(contestant: "tidemark" | "nobody" | PgbackrestRepository): Promise<void> {
    const settings = `TIDEMARK_FILE_PREFIX=${this.path("tidemark")}`;
    let command = "/bin/true";
    if (contestant === "tidemark") command = `${settings} ${binaryPath()} wal-push %p --quiet`;
    else if (contestant !== "nobody") {
      command = this.pgbackrestIn(contestant, "archive-push", "%p").join(" ");
    }
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

  #pgbackrestConfiguration(repository: PgbackrestRepository): string {
    return [
      "[global]",
      `repo1-path=${this.path(repository)}`,
      ...PGBACKREST[repository],
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

/** Gives the space of all files below a folder back, and keeps the files. */
function emptyFiles(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const stats = lstatSync(path);
    if (stats.isDirectory()) emptyFiles(path);
    else if (stats.isFile() && stats.size > 0) truncateSync(path);
  }
}
