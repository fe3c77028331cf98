import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { freePort } from "./free-port.ts";
import { type PostgresCluster, SUPERUSER, startCluster } from "./postgres-cluster.ts";
import { postgresBinDir, postgresTool } from "./postgres-install.ts";
import { runAsServer } from "./run-as.ts";
import { builtBinary } from "./run-binary.ts";
import { binaryPath, giveToServers } from "./scratch.ts";

const VERSION = "17";

/**
 * The machine of somebody who follows the docs: a home, a cluster that is not started yet, and a
 * path with our program and the server's tools.
 */
export class Reader implements AsyncDisposable {
  readonly #cluster: PostgresCluster;
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;

  private constructor(cluster: PostgresCluster, facts: { home: string; port: number }) {
    this.#cluster = cluster;
    this.home = facts.home;
    const bin = join(facts.home, "bin");
    this.env = {
      HOME: facts.home,
      PATH: [bin, postgresBinDir(VERSION), "/usr/local/bin", "/usr/bin", "/bin"].join(":"),
      PGDATA: cluster.dataDir,
      PGHOST: facts.home,
      PGPORT: `${facts.port}`,
      PGUSER: SUPERUSER,
      PGDATABASE: "postgres",
    };
  }

  static async create(): Promise<Reader> {
    builtBinary();
    const cluster = await startCluster({ version: VERSION, isStarted: false });
    const home = join(dirname(cluster.dataDir), "home");
    const port = await freePort();
    mkdirSync(join(home, "bin"), { recursive: true });
    for (const path of [home, join(home, "bin")]) giveToServers(path);
    chmodSync(home, 0o755);
    symlinkSync(binaryPath(), join(home, "bin/tidemark"));
    for (const tool of ["psql", "pg_dump", "pgbench"] as const) {
      symlinkSync(postgresTool(tool), join(home, "bin", tool));
    }
    const configuration = join(cluster.dataDir, "postgresql.conf");
    appendFileSync(
      configuration,
      `port = ${port}\nlisten_addresses = ''\nunix_socket_directories = '${home}'\nfsync = off\n`,
    );
    return new Reader(cluster, { home, port });
  }

  /** Runs a script as the servers' account, in the home; it stops at the first failure. */
  async run(script: string): Promise<{ readonly exitCode: number; readonly text: string }> {
    const result = await runAsServer(["bash", "-euo", "pipefail", "-c", script], {
      cwd: this.home,
      env: this.env,
    });
    return { exitCode: result.exitCode, text: `${result.stdout}\n${result.stderr}` };
  }

  /** Also servers that the commands of the page have started. */
  async [Symbol.asyncDispose](): Promise<void> {
    const folders = [
      this.#cluster.dataDir,
      ...readdirSync(this.home).map((name) => join(this.home, name)),
    ];
    for (const folder of folders.filter((path) => existsSync(join(path, "postmaster.pid")))) {
      await this.run(`pg_ctl stop --silent --mode immediate --pgdata '${folder}'`);
    }
    await this.#cluster[Symbol.asyncDispose]();
  }
}
