import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { asServer, mustRunAsServer } from "../support/run-as.ts";
import { mebibytes } from "./backup.bench.ts";
import { BenchCluster, type PgbackrestRepository, WORKERS } from "./bench-cluster.ts";
import { alternate, type Contestant, dropPageCache, measureReading } from "./measure.ts";
import type { BenchTable } from "./report.ts";

const PAGE_BYTES = 8192;
/** A relation is stored in files of 1 GiB. */
const PAGES_PER_FILE = 131_072;
const ZSTD_LEVEL = 3;
/** What is changed, of pgbench's tables. */
const RELATION = "'pgbench_accounts'::regclass";

const BACKUPS = "tidemark/basebackups_005";
const DELTA = /_D_[0-9A-F]{24}$/;
/** One page of so many gets a changed row. */
const STEPS = [1000, 100, 10] as const;

const SCAN = "tidemark, page scan, 15";
const SUMMARIES = "tidemark, WAL summaries, 17";
const BUNDLES = "pgBackRest incr, bundles, 15";
const BLOCKS = "pgBackRest incr, blocks, 15";
const READ_ONCE = "cat of all files, 15";

/** Clusters with the same rows and changes: 15 for pgBackRest and the scan, 17 for summaries. */
export class DeltaClusters implements AsyncDisposable {
  readonly old: BenchCluster;
  readonly recent: BenchCluster;
  #changes = 0;

  private constructor(old: BenchCluster, recent: BenchCluster) {
    this.old = old;
    this.recent = recent;
  }

  static async create(scale: number): Promise<DeltaClusters> {
    // Room for a few versions of a row beside it: a change touches one page.
    const options = { scale, fillFactor: 90 };
    const old = await BenchCluster.create(options);
    for (const repository of ["bundles", "blocks"] as const) await old.createStanza(repository);
    const settings = { summarize_wal: "on" };
    const recent = await BenchCluster.create({ ...options, version: "17", settings });
    return new DeltaClusters(old, recent);
  }

  get all(): readonly BenchCluster[] {
    return [this.old, this.recent];
  }

  /** Changes a row in one page of `step` of both. */
  async change(step: number): Promise<void> {
    this.#changes += 1;
    for (const { cluster } of this.all) {
      const pages = Number(await cluster.value(`SELECT pg_relation_size(${RELATION}) / 8192`));
      const places =
        `SELECT format('(%s,${this.#changes})', block)::tid ` +
        `FROM generate_series(0, ${pages - 1}, ${step}) AS block`;
      await cluster.query(
        `UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE ctid = ANY (ARRAY(${places}))`,
      );
      await cluster.query("CHECKPOINT");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.old[Symbol.asyncDispose]();
    await this.recent[Symbol.asyncDispose]();
  }
}

/** The pages that have a changed row, as they are and as zstd packs nothing but them. */
export interface ChangedPages {
  readonly bytes: number;
  readonly compressedBytes: number;
}

/** Compressed by another process: the memory of this one counts as that of what it starts. */
async function changedPages({ cluster }: BenchCluster, step: number): Promise<ChangedPages> {
  const pages = Number(await cluster.value(`SELECT pg_relation_size(${RELATION}) / 8192`));
  const path = join(
    cluster.dataDir,
    await cluster.value(`SELECT pg_relation_filepath(${RELATION})`),
  );
  const zstd = Bun.spawn(["zstd", "-q", "-c", `-${ZSTD_LEVEL}`], { stdin: "pipe" });
  const sizing = sizeOf(zstd.stdout);
  const content = Buffer.alloc(PAGE_BYTES);
  let bytes = 0;
  for (let file = 0; file * PAGES_PER_FILE < pages; file += 1) {
    const fd = openSync(file === 0 ? path : `${path}.${file}`, "r");
    const first = file * PAGES_PER_FILE;
    const end = Math.min(pages, first + PAGES_PER_FILE);
    for (let page = Math.ceil(first / step) * step; page < end; page += step) {
      const read = readSync(fd, content, 0, PAGE_BYTES, (page - first) * PAGE_BYTES);
      if (read !== PAGE_BYTES) throw new Error(`${path} is shorter than its ${pages} pages`);
      zstd.stdin.write(content);
      await zstd.stdin.flush();
      bytes += read;
    }
    closeSync(fd);
  }
  await zstd.stdin.end();
  return { bytes, compressedBytes: await sizing };
}

async function sizeOf(stream: ReadableStream<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.byteLength;
  return bytes;
}

/** Deltas after a thousandth, a hundredth and a tenth of the pages changed. */
export async function benchDeltas(
  clusters: DeltaClusters,
  rounds: number,
): Promise<readonly BenchTable[]> {
  const tables: BenchTable[] = [];
  for (const step of STEPS) tables.push(await benchDelta(clusters, { step, rounds }));
  return tables;
}

async function benchDelta(
  clusters: DeltaClusters,
  run: { readonly step: number; readonly rounds: number },
): Promise<BenchTable> {
  const { old, recent } = clusters;
  await fullBackups(clusters);
  await clusters.change(run.step);
  const changes = await changedPages(recent, run.step);
  const isCold = dropPageCache();
  const contestants = [
    tidemarkDelta(SCAN, old),
    tidemarkDelta(SUMMARIES, recent),
    pgbackrestDelta(BUNDLES, old, "bundles"),
    pgbackrestDelta(BLOCKS, old, "blocks"),
    readOnce(old),
  ].map(cold);
  const bytes = await old.cluster.value("SELECT sum(pg_database_size(oid)) FROM pg_database");
  const changed = { name: "changed pages", bytes: changes.bytes };
  return {
    title: `Incremental backup, ${100 / run.step} % of the pages changed`,
    note:
      `Clusters of ${mebibytes(Number(bytes))} MiB, page checksums on and checked; ` +
      `${(changes.bytes / (1 << 20)).toFixed(1)} MiB of pages have a changed row, ` +
      `${(changes.compressedBytes / (1 << 20)).toFixed(2)} MiB in zstd. Each builds on ` +
      `a full backup of its own, with ${WORKERS} workers, zstd 3, page cache ` +
      `${isCold ? "dropped before each run" : "warm"}.`,
    results: await alternate(contestants, run.rounds),
    reference: BUNDLES,
    goals: [
      { contestant: SUMMARIES, figure: "read", max: 3, of: changed },
      ...(run.step === 100
        ? ([
            { contestant: SUMMARIES, figure: "stored", max: 1.1, of: packed(changes, recent) },
            { contestant: SCAN, figure: "stored", max: 1.1, of: packed(changes, old) },
            { contestant: SUMMARIES, figure: "wall", max: 0.25 },
            { contestant: SCAN, figure: "wall", max: 0.6 },
            { contestant: SCAN, figure: "wall", max: 1.2, of: READ_ONCE },
          ] as const)
        : []),
    ],
  };
}

/** What an increment cannot do without: WAL-G's list of files, as it is, and the pages, packed. */
function packed({ compressedBytes }: ChangedPages, bench: BenchCluster) {
  const list = newest(bench, BACKUPS, DELTA, "files_metadata.json");
  return { name: "changed pages in zstd, and the list of files", bytes: compressedBytes + list };
}

/** From the disk, where that can be had. */
function cold(contestant: Contestant): Contestant {
  return {
    ...contestant,
    prepare: async () => {
      await contestant.prepare();
      dropPageCache();
    },
  };
}

async function fullBackups({ old, all }: DeltaClusters): Promise<void> {
  for (const bench of all) {
    bench.emptyFolder("tidemark");
    await bench.archiveWith("tidemark");
    const { argv, env } = bench.tidemark("backup-push", bench.cluster.dataDir);
    await mustRunAsServer(argv.slice(-3), { env: env ?? {}, timeoutMs: 600_000 });
  }
  for (const repository of ["bundles", "blocks"] as const) {
    await old.archiveWith(repository);
    const words = old.pgbackrestIn(repository, "backup", "--type=full");
    await mustRunAsServer(words, { timeoutMs: 600_000 });
  }
}

/** Each delta builds on the full backup: those of earlier rounds stay. */
function tidemarkDelta(name: string, bench: BenchCluster): Contestant {
  const push = bench.tidemark("backup-push", bench.cluster.dataDir);
  const env = { ...push.env, TIDEMARK_DELTA_MAX_STEPS: "9", TIDEMARK_DELTA_ORIGIN: "LATEST_FULL" };
  return {
    name,
    prepare: () => bench.archiveWith("tidemark"),
    run: () => measureReading({ ...push, env }),
    storedBytes: () => newest(bench, BACKUPS, DELTA),
  };
}

/** The increment of the round before goes, so that each builds on the full backup. */
function pgbackrestDelta(
  name: string,
  bench: BenchCluster,
  repository: PgbackrestRepository,
): Contestant {
  const folder = `${repository}/backup/main`;
  return {
    name,
    prepare: async () => {
      await bench.archiveWith(repository);
      for (const label of readdirSync(bench.path(folder)).filter((one) => /I$/.test(one))) {
        await mustRunAsServer(bench.pgbackrestIn(repository, "expire", `--set=${label}`));
      }
    },
    run: () => {
      const words = bench.pgbackrestIn(repository, "backup", "--type=incr");
      return measureReading({ argv: asServer(words) });
    },
    storedBytes: () => newest(bench, folder, /I$/),
  };
}

function readOnce(bench: BenchCluster): Contestant {
  const script = `find "$0" -path "*/pg_wal" -prune -o -type f -exec cat {} + > /dev/null`;
  return {
    name: READ_ONCE,
    prepare: async () => {},
    run: () => measureReading({ argv: asServer(["sh", "-c", script, bench.cluster.dataDir]) }),
  };
}

function newest(bench: BenchCluster, folder: string, names: RegExp, file = ""): number {
  const name = readdirSync(bench.path(folder))
    .filter((one) => names.test(one))
    .sort()
    .at(-1);
  if (name === undefined) throw new Error(`no increment in ${folder}: was it a full backup?`);
  return bench.sizeOf(join(folder, name, file));
}
