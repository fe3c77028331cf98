import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { asServer } from "../support/run-as.ts";
import { giveToServers, giveTreeToServers } from "../support/scratch.ts";
import { type BenchCluster, WORKERS, ZSTD_LEVEL } from "./bench-cluster.ts";
import { alternate, type Contestant, type MeasuredCommand, measureEach } from "./measure.ts";
import type { BenchTable } from "./report.ts";
import { S3Repositories } from "./s3-repositories.ts";

const SEGMENTS = 64;
const TURN_SECONDS = 5;
const TURNS_MAX = 40;

/** A copy of the cluster's identity and of 64 of its WAL segments, all waiting to be archived. */
class WalFolder {
  readonly names: readonly string[];
  readonly dataDir: string;
  readonly #statusDir: string;

  private constructor(dataDir: string, names: readonly string[]) {
    this.dataDir = dataDir;
    this.names = names;
    this.#statusDir = join(dataDir, "pg_wal", "archive_status");
  }

  static async create(bench: BenchCluster): Promise<WalFolder> {
    const source = join(bench.cluster.dataDir, "pg_wal");
    const first = await bench.cluster.switchWal();
    const present = () => bench.cluster.value("SELECT pg_walfile_name(pg_current_wal_lsn())");
    const between = (last: string) =>
      readdirSync(source).filter((name) => {
        return /^[0-9A-F]{24}$/.test(name) && name > first && name < last;
      });
    // WAL of transactions, page images after a checkpoint among it, as servers archive it; that
    // of the load would be pages of one pattern.
    await bench.cluster.query("CHECKPOINT");
    for (let turn = 0; turn < TURNS_MAX; turn += 1) {
      if (between(await present()).length >= SEGMENTS) break;
      await bench.transactions(TURN_SECONDS);
    }
    // Later files are old ones that the server keeps to write into again.
    const names = between(await present())
      .sort()
      .slice(0, SEGMENTS);
    if (names.length < SEGMENTS) throw new Error(`only ${names.length} WAL segments to bench`);
    const dataDir = bench.emptyFolder("wal-source");
    mkdirSync(join(dataDir, "pg_wal", "archive_status"), { recursive: true });
    mkdirSync(join(dataDir, "global"));
    const copy = (from: string, to: string) => {
      const result = Bun.spawnSync(["cp", "-p", from, to]);
      if (result.exitCode !== 0) throw new Error(result.stderr.toString());
    };
    copy(join(bench.cluster.dataDir, "global", "pg_control"), join(dataDir, "global"));
    copy(join(bench.cluster.dataDir, "PG_VERSION"), dataDir);
    for (const name of names) copy(join(source, name), join(dataDir, "pg_wal"));
    giveTreeToServers(dataDir);
    return new WalFolder(dataDir, names);
  }

  /** Every segment waits again; nothing remembers an earlier run. */
  reset(isWaiting: boolean): void {
    rmSync(join(this.dataDir, "pg_wal", "walg_data"), { recursive: true, force: true });
    rmSync(this.#statusDir, { recursive: true });
    mkdirSync(this.#statusDir);
    giveToServers(this.#statusDir);
    for (const name of isWaiting ? this.names : []) {
      const path = join(this.#statusDir, `${name}.ready`);
      writeFileSync(path, "");
      giveToServers(path);
    }
  }

  /** As the server's archiver after a success; else the file would wait for ever. */
  markDone(name: string): void {
    const path = join(this.#statusDir, name);
    renameSync(`${path}.ready`, `${path}.done`);
  }
}

export async function benchWal(
  bench: BenchCluster,
  rounds: number,
): Promise<readonly BenchTable[]> {
  await bench.archiveWith("nobody");
  const folder = await WalFolder.create(bench);
  return [
    await benchPush(bench, folder, { count: 16, isBackground: false, rounds }),
    await benchPush(bench, folder, { count: SEGMENTS, isBackground: true, rounds }),
    await benchS3Push(bench, folder, rounds),
    await benchFetch(bench, folder, { count: 16, readsAhead: false, rounds }),
    await benchFetch(bench, folder, { count: SEGMENTS, readsAhead: true, rounds }),
  ];
}

interface PushRun {
  readonly count: number;
  readonly isBackground: boolean;
  readonly rounds: number;
}

async function benchPush(
  bench: BenchCluster,
  folder: WalFolder,
  run: PushRun,
): Promise<BenchTable> {
  const names = folder.names.slice(0, run.count);
  const cwd = folder.dataDir;
  const each = (command: (path: string) => MeasuredCommand) =>
    measureEach(
      names.map((name) => ({
        ...command(`pg_wal/${name}`),
        cwd,
        ...(run.isBackground ? { after: () => folder.markDone(name) } : {}),
      })),
    );
  const pgbackrest = (path: string): MeasuredCommand => ({
    argv: asServer(
      bench.pgbackrest(
        `--pg1-path=${folder.dataDir}`,
        ...(run.isBackground ? ["--archive-async"] : []),
        "archive-push",
        path,
      ),
    ),
  });
  const contestants: readonly Contestant[] = [
    {
      name: "tidemark wal-push",
      prepare: async () => {
        bench.emptyFolder("tidemark");
        folder.reset(run.isBackground);
      },
      run: () => each((path) => bench.tidemark("wal-push", path)),
      storedBytes: () => bench.sizeOf("tidemark"),
    },
    {
      name: "pgBackRest archive-push",
      prepare: async () => {
        rmSync(bench.path("pgbackrest/archive/main/15-1"), { recursive: true, force: true });
        bench.emptyFolder("spool");
        folder.reset(run.isBackground);
      },
      run: () => each(pgbackrest),
      storedBytes: () => bench.sizeOf("pgbackrest/archive"),
    },
  ];
  const title = run.isBackground
    ? `${run.count} WAL segments, further ones in the background`
    : `${run.count} WAL segments, one process each`;
  return {
    title,
    note: "16 MiB segments of pgbench's transactions, zstd 3, fsynced, local repository.",
    results: await alternate(contestants, run.rounds),
    reference: "pgBackRest archive-push",
    goals: [
      {
        contestant: "tidemark wal-push",
        figure: "wall",
        max: run.isBackground ? 0.8 : 0.9,
      },
      ...(run.isBackground
        ? []
        : [{ contestant: "tidemark wal-push", figure: "rss", max: 70 } as const]),
    ],
  };
}

/** The same in the background to an object service: what the network's round trips cost. */
async function benchS3Push(
  bench: BenchCluster,
  folder: WalFolder,
  rounds: number,
): Promise<BenchTable> {
  await using repositories = await S3Repositories.start(bench);
  const each = (command: (path: string) => MeasuredCommand) =>
    measureEach(
      folder.names.map((name) => ({
        ...command(`pg_wal/${name}`),
        cwd: folder.dataDir,
        after: () => folder.markDone(name),
      })),
    );
  const pushed = ["--archive-async", "archive-push"];
  const contestants: readonly Contestant[] = [
    {
      name: "tidemark wal-push",
      prepare: async () => {
        repositories.startRun();
        folder.reset(true);
      },
      run: () =>
        each((path) => ({
          ...bench.tidemark("wal-push", path),
          env: repositories.environment,
        })),
    },
    {
      name: "pgBackRest archive-push",
      prepare: async () => {
        repositories.startRun();
        bench.emptyFolder("spool");
        await repositories.createStanza();
        folder.reset(true);
      },
      run: () =>
        each((path) => ({
          argv: asServer(repositories.pgbackrest(`--pg1-path=${folder.dataDir}`, ...pushed, path)),
          env: repositories.pgbackrestEnvironment,
        })),
    },
  ];
  return {
    title: `${SEGMENTS} WAL segments to S3, further ones in the background`,
    note:
      `The same segments to MinIO on this machine over HTTPS, zstd ${ZSTD_LEVEL}, ${WORKERS} at ` +
      "once (`TIDEMARK_UPLOAD_CONCURRENCY`, `process-max`). CPU is that of the calls alone.",
    results: await alternate(contestants, rounds),
    reference: "pgBackRest archive-push",
    goals: [{ contestant: "tidemark wal-push", figure: "wall", max: 0.8 }],
  };
}

interface FetchRun {
  readonly count: number;
  readonly readsAhead: boolean;
  readonly rounds: number;
}

async function benchFetch(
  bench: BenchCluster,
  folder: WalFolder,
  run: FetchRun,
): Promise<BenchTable> {
  const { readsAhead } = run;
  const cwd = folder.dataDir;
  // As recovery does: into one file, whose content it takes before it asks for the next.
  const target = join(bench.path("wal-target"), "RECOVERYXLOG");
  const each = (command: (name: string) => MeasuredCommand) =>
    measureEach(
      folder.names.slice(0, run.count).map((name) => ({
        ...command(name),
        cwd,
        after: () => checkFetched(target, join(folder.dataDir, "pg_wal", name)),
      })),
    );
  const prepare = async () => {
    bench.emptyFolder("wal-target");
    bench.emptyFolder("spool");
  };
  const contestants: readonly Contestant[] = [
    {
      name: "tidemark wal-fetch",
      prepare,
      run: () =>
        each((name) => ({
          ...bench.tidemark("wal-fetch", name, target),
          env: readsAhead
            ? bench.environment
            : { ...bench.environment, TIDEMARK_DOWNLOAD_CONCURRENCY: "1" },
        })),
    },
    {
      name: "pgBackRest archive-get",
      prepare,
      run: () =>
        each((name) => ({
          argv: asServer(
            bench.pgbackrest(
              `--pg1-path=${folder.dataDir}`,
              ...(readsAhead ? ["--archive-async"] : []),
              "archive-get",
              name,
              target,
            ),
          ),
        })),
    },
  ];
  return {
    title: readsAhead
      ? `${run.count} WAL segments fetched, reading ahead`
      : `${run.count} WAL segments fetched, one process each`,
    note: readsAhead
      ? "The segments stored above. Each reads ahead as far as it does by itself; CPU is that of " +
        "the calls alone."
      : "The segments stored above, without reading ahead.",
    results: await alternate(contestants, run.rounds),
    reference: "pgBackRest archive-get",
    goals: readsAhead
      ? [{ contestant: "tidemark wal-fetch", figure: "wall", max: 0.8 }]
      : [
          { contestant: "tidemark wal-fetch", figure: "wall", max: 0.9 },
          { contestant: "tidemark wal-fetch", figure: "rss", max: 70 },
        ],
  };
}

/** The size alone: comparing bytes would give those who read ahead time to do it. */
function checkFetched(target: string, original: string): void {
  if (statSync(target).size !== statSync(original).size) throw new Error(`${target} is not whole`);
  rmSync(target);
}
