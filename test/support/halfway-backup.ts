import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type PostgresCluster, startCluster } from "./postgres-cluster.ts";
import type { PostgresVersion } from "./postgres-install.ts";
import type { RunResult } from "./run-as.ts";
import { type RunningBinary, runBinary, startBinary } from "./run-binary.ts";
import { binaryPath, giveToServers, makeScratch, type ScratchDir } from "./scratch.ts";

/** `local`: the data directory is read; `streamed`: the replication protocol brings it. */
export type BackupWay = "local" | "streamed";

/** So much that the copy is still going when its first part is seen. */
const ROWS = 800_000;

/** A cluster that archives by the binary, and backups of it that are caught half-way. */
export class BackupScene implements AsyncDisposable {
  readonly cluster: PostgresCluster;
  readonly repositoryDir: string;
  readonly #scratch: ScratchDir;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(
    scratch: ScratchDir,
    cluster: PostgresCluster,
    env: Readonly<Record<string, string>>,
  ) {
    this.#scratch = scratch;
    this.cluster = cluster;
    this.repositoryDir = join(scratch.path, "repository");
    this.#env = { ...env, ...cluster.clientEnvironment };
  }

  static async open(version: PostgresVersion): Promise<BackupScene> {
    const scratch = makeScratch("backup");
    const repositoryDir = join(scratch.path, "repository");
    mkdirSync(repositoryDir);
    giveToServers(repositoryDir);
    const env = { TIDEMARK_FILE_PREFIX: repositoryDir };
    const command = `${binaryPath()} wal-push %p`;
    const cluster = await startCluster({ version, archive: { command }, env });
    await cluster.loadBench(ROWS);
    return new BackupScene(scratch, cluster, env);
  }

  /** A whole backup at full speed. */
  push(way: BackupWay): Promise<RunResult> {
    return runBinary(this.#arguments(way), { env: this.#env, isServer: true });
  }

  /** A backup that is stopped (SIGSTOP) in the middle of its copy: the caller lets it go on. */
  async pushHalfway(
    way: BackupWay,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<RunningBinary> {
    const before = this.#parts().length;
    const env = { ...this.#env, ...settings };
    const running = startBinary(this.#arguments(way), { env, isServer: true });
    let hasEnded = false;
    void running.exited.then(() => {
      hasEnded = true;
    });
    while (this.#parts().length <= before) {
      if (hasEnded) throw new Error(`ended before its first part: ${await running.stderr}`);
      await Bun.sleep(2);
    }
    running.kill("SIGSTOP");
    return running;
  }

  /** Process ids of the server's side of our backups. */
  async backends(): Promise<number[]> {
    const rows = await this.cluster.query(
      "SELECT pid FROM pg_stat_activity WHERE application_name = 'tidemark'",
    );
    return rows.map(([pid]) => Number(pid));
  }

  /** Waits until no session of a backup is left on the server: with it backup mode has ended. */
  async untilBackupModeIsLeft(timeoutMs: number): Promise<void> {
    await this.cluster.waitUntil(
      "backup mode is left",
      async () => (await this.backends()).length === 0,
      timeoutMs,
    );
  }

  /** Folders of backups in the repository. */
  folders(): readonly string[] {
    return this.#backupNames().filter((name) => !name.endsWith(".json"));
  }

  /** Backups that a reader would list. */
  sentinels(): readonly string[] {
    return this.#backupNames().filter((name) => name.endsWith("_backup_stop_sentinel.json"));
  }

  /** Files of backups, finished or not. */
  storedObjects(): readonly string[] {
    const dir = join(this.repositoryDir, "basebackups_005");
    if (!existsSync(dir)) return [];
    const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
    this.#scratch[Symbol.dispose]();
  }

  #parts(): readonly string[] {
    return this.storedObjects().filter((name) => name.startsWith("part_"));
  }

  #arguments(way: BackupWay): string[] {
    return way === "local" ? ["backup-push", this.cluster.dataDir] : ["backup-push"];
  }

  #backupNames(): string[] {
    const dir = join(this.repositoryDir, "basebackups_005");
    return existsSync(dir) ? readdirSync(dir) : [];
  }
}
