import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  adoptDirectory,
  type ClusterOptions,
  type PostgresCluster,
  startCluster,
} from "./postgres-cluster.ts";
import type { PostgresVersion } from "./postgres-install.ts";
import { describeRun, type RunResult } from "./run-as.ts";
import { type RunningBinary, runBinary, startBinary } from "./run-binary.ts";
import { binaryPath, giveToServers, makeScratch, type ScratchDir } from "./scratch.ts";

export type Environment = Readonly<Record<string, string>>;

export interface SiteOptions extends Partial<Omit<ClusterOptions, "version" | "archive">> {
  readonly version: PostgresVersion;
  /** Rows of the bench tables; none without. */
  readonly rows?: number;
  /** The repository's settings instead of a folder of files. */
  readonly repository?: Environment;
  /** The name the program is called by. */
  readonly name?: string;
  /** Archives instead of the program with the repository's settings. */
  readonly archiveCommand?: string;
}

export interface PushOptions {
  readonly settings?: Environment;
  readonly name?: string;
  /** default: the cluster's data directory; null: the streamed backup. */
  readonly directory?: string | null;
  /** Whose server; default: the site's. */
  readonly cluster?: PostgresCluster;
}

const BENCH_DIGEST = `
  SELECT (SELECT count(*) || ' ' || coalesce(sum(hashtext(a::text)::bigint), 0)
          FROM bench_accounts a)
    || ' ' || (SELECT count(*) || ' ' || coalesce(sum(hashtext(h::text)::bigint), 0)
               FROM bench_history h)`;

/** A server that archives with the compiled program into a repository, and backups of it. */
export class BackupSite implements AsyncDisposable {
  readonly cluster: PostgresCluster;
  /** The folder of the repository of files. */
  readonly repoDir: string;
  readonly scratch: ScratchDir;
  readonly #settings: Environment;
  #restoreCount = 0;

  private constructor(scratch: ScratchDir, cluster: PostgresCluster, settings: Environment) {
    this.scratch = scratch;
    this.cluster = cluster;
    this.repoDir = join(scratch.path, "repo");
    this.#settings = settings;
  }

  static async create(options: SiteOptions): Promise<BackupSite> {
    const { rows, repository, name, archiveCommand, ...cluster } = options;
    const scratch = makeScratch("site");
    try {
      const repoDir = join(scratch.path, "repo");
      mkdirSync(repoDir);
      giveToServers(repoDir);
      const settings = repository ?? { WALG_FILE_PREFIX: repoDir };
      const started = await startCluster({
        walSegmentMiB: 1,
        ...cluster,
        archive: { command: archiveCommand ?? `${binaryPath(name)} wal-push %p` },
        env: { ...settings, ...cluster.env },
      });
      const site = new BackupSite(scratch, started, settings);
      if (rows !== undefined) await started.loadBench(rows);
      return site;
    } catch (error) {
      scratch[Symbol.dispose]();
      throw error;
    }
  }

  /** backup-push to its end; the exit code is for the caller to judge. */
  push(args: readonly string[] = [], options: PushOptions = {}): Promise<RunResult> {
    return runBinary(this.pushWords(args, options), this.#binaryOptions(options));
  }

  /** The same, where anything but success is an error; the backup's name and the log. */
  async mustPush(args: readonly string[] = [], options: PushOptions = {}) {
    const result = await this.push(args, options);
    if (result.exitCode !== 0) throw new Error(describeRun(["backup-push", ...args], result));
    const name = /Wrote backup with name (\S+)/.exec(result.stderr)?.[1];
    if (name === undefined) throw new Error(describeRun(["no name:"], result));
    return { name, log: result.stderr };
  }

  /** backup-push that runs: to be looked at, or killed. */
  startPush(args: readonly string[] = [], options: PushOptions = {}): RunningBinary {
    return this.start(this.pushWords(args, options), options);
  }

  pushWords(args: readonly string[], options: PushOptions): string[] {
    const { directory = (options.cluster ?? this.cluster).dataDir } = options;
    return ["backup-push", ...(directory === null ? [] : [directory]), ...args];
  }

  /** Any other command. */
  run(args: readonly string[], options: PushOptions = {}): Promise<RunResult> {
    return runBinary(args, this.#binaryOptions(options));
  }

  /** The same, running. */
  start(args: readonly string[], options: PushOptions = {}): RunningBinary {
    return startBinary(args, this.#binaryOptions(options));
  }

  environment(options: PushOptions = {}): Environment {
    const { clientEnvironment } = options.cluster ?? this.cluster;
    return { ...clientEnvironment, ...this.#settings, ...options.settings };
  }

  #binaryOptions(options: PushOptions) {
    return {
      isServer: true,
      env: this.environment(options),
      ...(options.name === undefined ? {} : { name: options.name }),
    };
  }

  /** What the bench tables hold. */
  digest(cluster = this.cluster): Promise<string> {
    return cluster.value(BENCH_DIGEST);
  }

  /** All that was written so far is in the archive. */
  async archiveAll(): Promise<void> {
    await this.cluster.waitUntilArchived(await this.cluster.switchWal());
  }

  /** Changes rows until the work is done, and once more after it. */
  async underLoad<T>(work: () => Promise<T>): Promise<T> {
    let isOver = false;
    const connection = await this.cluster.connect();
    const change = async () => {
      while (!isOver) await this.cluster.changeBench(300);
    };
    const changing = change();
    try {
      return await work();
    } finally {
      isOver = true;
      await changing;
      await this.cluster.changeBench(300);
      await connection.close();
    }
  }

  /** backup-fetch into a new folder; the folder. */
  async fetch(backup: string, options: PushOptions & { args?: readonly string[] } = {}) {
    this.#restoreCount += 1;
    const target = join(this.scratch.path, `restored-${this.#restoreCount}`);
    const args = ["backup-fetch", target, backup, ...(options.args ?? [])];
    const result = await this.run(args, options);
    if (result.exitCode !== 0) throw new Error(describeRun(args, result));
    return target;
  }

  /** Restores the backup and lets a server recover from it to the end of the archive. */
  async restore(backup: string, options: PushOptions & { args?: readonly string[] } = {}) {
    const target = await this.fetch(backup, options);
    const command = `${binaryPath()} wal-fetch %f %p`;
    appendFileSync(join(target, "postgresql.auto.conf"), `restore_command = '${command}'\n`);
    writeFileSync(join(target, "recovery.signal"), "");
    const restored = await adoptDirectory({
      dataDir: target,
      version: this.cluster.version,
      settings: { archive_mode: "off" },
      env: this.environment(options),
    });
    try {
      await restored.start();
      await restored.waitUntilPromoted();
    } catch (error) {
      await restored[Symbol.asyncDispose]();
      throw error;
    }
    return restored;
  }

  /** Keys of the repository of files below a folder, sorted. */
  keys(folder = "basebackups_005"): string[] {
    try {
      return readdirSync(join(this.repoDir, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(this.repoDir.length + 1))
        .sort();
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
      throw error;
    }
  }

  /** Names of the backups that a listing shows. */
  listed(): string[] {
    const sentinel = /^basebackups_005\/([^/]+)_backup_stop_sentinel\.json$/;
    return this.keys().flatMap((key) => sentinel.exec(key)?.[1] ?? []);
  }

  /** Text of a stored document. */
  document(key: string): string {
    return readFileSync(join(this.repoDir, key), "utf8");
  }

  sentinel(backup: string): string {
    return this.document(`basebackups_005/${backup}_backup_stop_sentinel.json`);
  }

  /** Sessions of backups on the server: while there is one, it may be in backup mode. */
  async backupSessions(): Promise<number> {
    return Number(
      await this.cluster.value(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name IN ('tidemark', 'wal-g')" +
          " AND backend_type IN ('client backend', 'walsender')",
      ),
    );
  }

  /** The server notices the end of a session a moment after the program ended. */
  async waitUntilIdle(): Promise<void> {
    const isIdle = async () => (await this.backupSessions()) === 0;
    await this.cluster.waitUntil("no backup is being taken", isIdle, 10_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
    this.scratch[Symbol.dispose]();
  }
}
