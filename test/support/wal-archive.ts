import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32c } from "../../src/base/crc32c.ts";
import type { GoldenSegment } from "./golden-wal.ts";
import { killIfThere } from "./process-tree.ts";
import type { RunResult } from "./run-as.ts";
import { type BinaryOptions, runBinary } from "./run-binary.ts";
import { giveTreeToServers, makeScratch, type ScratchDir } from "./scratch.ts";
import { aheadProcesses, aheadSettled } from "./wal-ahead.ts";

export interface ArchiveRun extends BinaryOptions {
  /** Added to the environment of every run. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * A data directory as the server leaves it for `archive_command` and `restore_command`, with real
 * segments, and a repository of files. The binary runs in it as the servers' account.
 */
export class WalArchive implements Disposable {
  readonly dataDir: string;
  readonly walDir: string;
  readonly repoDir: string;
  readonly #scratch: ScratchDir;

  constructor(label: string) {
    this.#scratch = makeScratch(label);
    this.dataDir = join(this.#scratch.path, "data");
    this.walDir = join(this.dataDir, "pg_wal");
    this.repoDir = join(this.#scratch.path, "repo");
    mkdirSync(join(this.walDir, "archive_status"), { recursive: true });
    mkdirSync(join(this.dataDir, "global"));
    mkdirSync(this.repoDir);
    giveTreeToServers(this.#scratch.path);
  }

  /** Writes `global/pg_control` of the cluster that the segment is from (or of another one). */
  identify(golden: GoldenSegment, systemIdentifier = systemIdentifierOf(golden)): void {
    const path = join(import.meta.dirname, `../golden/pg-control/${golden.majorVersion}.bin`);
    const bytes = new Uint8Array(readFileSync(path));
    const view = new DataView(bytes.buffer);
    const crcOffset = golden.majorVersion >= 18 ? 292 : 288;
    view.setBigUint64(0, systemIdentifier, true);
    view.setUint32(crcOffset, crc32c(bytes.subarray(0, crcOffset)), true);
    this.write("global/pg_control", bytes);
  }

  /** Puts a file into the data directory; its path. */
  write(relative: string, content: Uint8Array | string): string {
    const path = join(this.dataDir, relative);
    writeFileSync(path, content);
    giveTreeToServers(this.dataDir);
    return path;
  }

  /** A WAL file that the server wants archived. */
  ready(name: string, content: Uint8Array | string): void {
    this.write(`pg_wal/${name}`, content);
    this.write(`pg_wal/archive_status/${name}.ready`, "");
  }

  /** What the server does after `archive_command` succeeded. */
  done(name: string): void {
    rmSync(join(this.walDir, "archive_status", `${name}.ready`), { force: true });
  }

  /** Archives a file, and waits for what is stored ahead besides. */
  async push(name: string, run: ArchiveRun = {}): Promise<RunResult> {
    const result = await this.pushOnly(name, run);
    await aheadSettled(this.walDir);
    return result;
  }

  /** The same as the server does it: the next call may follow while others are stored ahead. */
  pushOnly(name: string, run: ArchiveRun = {}): Promise<RunResult> {
    return this.run(["wal-push", `pg_wal/${name}`], run);
  }

  fetch(name: string, run: ArchiveRun & { readonly to?: string } = {}): Promise<RunResult> {
    return this.run(["wal-fetch", name, run.to ?? "pg_wal/RECOVERYXLOG"], run);
  }

  run(args: readonly string[], run: ArchiveRun = {}): Promise<RunResult> {
    return runBinary(args, this.options(run));
  }

  /** Working directory and environment that PostgreSQL and its administrator would give. */
  options(run: ArchiveRun = {}): BinaryOptions {
    return {
      cwd: this.dataDir,
      isServer: true,
      ...run,
      env: {
        WALG_FILE_PREFIX: this.repoDir,
        TIDEMARK_FETCH_RETRY_BUDGET: "0s",
        WALG_DOWNLOAD_CONCURRENCY: "1",
        ...run.settings,
      },
    };
  }

  /** What was fetched last; undefined when nothing was. Makes room for the next. */
  takeFetched(to = "pg_wal/RECOVERYXLOG"): Buffer | undefined {
    const path = join(this.dataDir, to);
    if (!existsSync(path)) return undefined;
    const bytes = readFileSync(path);
    rmSync(path);
    return bytes;
  }

  /** Names of the stored WAL objects. */
  stored(): string[] {
    const directory = join(this.repoDir, "wal_005");
    return existsSync(directory) ? readdirSync(directory).sort() : [];
  }

  /** Bytes of a stored object. */
  object(name: string): Buffer {
    return readFileSync(join(this.repoDir, "wal_005", name));
  }

  /** Replaces a stored object behind the tool's back. */
  tamper(name: string, content: Uint8Array): void {
    mkdirSync(join(this.repoDir, "wal_005"), { recursive: true });
    writeFileSync(join(this.repoDir, "wal_005", name), content);
    giveTreeToServers(this.repoDir);
  }

  [Symbol.dispose](): void {
    for (const processId of aheadProcesses(this.walDir)) killIfThere(processId);
    this.#scratch[Symbol.dispose]();
  }
}

export function systemIdentifierOf(golden: GoldenSegment): bigint {
  return new DataView(golden.bytes.buffer, golden.bytes.byteOffset).getBigUint64(24, true);
}

/** The same segment with one byte of a record changed: another history under the same name. */
export function otherHistory(golden: GoldenSegment): GoldenSegment {
  const bytes = golden.bytes.slice();
  bytes[70_000] = (bytes[70_000] ?? 0) ^ 1;
  return { ...golden, bytes };
}
